/**
 * The simulator's page: it has runs happen, shows the lanes while they go on, and says how they ended. Its parts are in its
 * HTML (`simulator-page.ts`).
 */
import { type Tone, toneOf } from "../html.ts";
import type { Progress } from "../run.ts";
import type { TraceRecord } from "../trace-recorder.ts";
import { part, Viewer } from "../view/viewer.ts";
import { LiveRun } from "./live-run.ts";
import type { Asked, Begun, Ended, Told } from "./messages.ts";
import { linkOfRun, type RunLink, runLink, runOfLink } from "./run-link.ts";
import { saveFile } from "./save-file.ts";
import { figuresText, verdictText, WELCOME, whichText } from "./texts.ts";

/** Where there is a pace, what happened in so many seconds on the screen is seen at once. */
const SEEN_SECONDS = 3;
const US_PER_SECOND = 1_000_000;

class SimulatorPage {
  readonly #viewer = new Viewer();
  readonly #seed = part("seed", HTMLInputElement);
  readonly #mutant = part("mutant", HTMLSelectElement);
  readonly #giveUp = part("give-up", HTMLInputElement);
  readonly #pace = part("pace", HTMLSelectElement);
  readonly #button = part("run", HTMLButtonElement);
  readonly #file = part("file", HTMLInputElement);
  readonly #which = part("which", HTMLElement);
  readonly #verdict = part("verdict", HTMLElement);
  readonly #figures = part("figures", HTMLElement);
  readonly #hash = part("hash", HTMLElement);
  readonly #empty = part("empty", HTMLElement);
  readonly #savePlan = part("save-plan", HTMLButtonElement);
  readonly #saveTrace = part("save-trace", HTMLButtonElement);
  /** The address of the worker's script. */
  readonly #script: string;
  #run: LiveRun | undefined;
  /** The seed that was asked for, unless the run came out of a file. */
  #named: RunLink | undefined;
  /** The name of the plan's file, if the run came out of one. */
  #fileName: string | undefined;
  #begun: Begun | undefined;
  #records: TraceRecord[] = [];
  #progress: Progress | undefined;
  /** Whether the address names a record to be looked at in the end. */
  #linked = false;

  constructor() {
    const script = new Blob([part("worker", HTMLScriptElement).textContent], { type: "text/javascript" });
    this.#script = URL.createObjectURL(script);
    this.#listen();
    this.#say("", ...WELCOME);
    this.#followAddress();
    document.body.dataset["ready"] = "yes";
  }

  #listen(): void {
    part("asked", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#run?.going === true) this.#stop();
      else this.#runSeed(this.#chosen());
    });
    this.#pace.addEventListener("change", () => this.#setPace());
    part("open", HTMLElement).addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      void this.#open(this.#file.files?.[0]);
      // The same file may be chosen again, after it was changed.
      this.#file.value = "";
    });
    this.#savePlan.addEventListener("click", () => this.#save("plan", (begun) => [begun.plan]));
    this.#saveTrace.addEventListener("click", () =>
      this.#save("trace", ({ traceHead }) => [
        `${traceHead}\n`,
        ...this.#records.map((record) => `${JSON.stringify(record)}\n`),
      ]),
    );
    window.addEventListener("hashchange", () => this.#followAddress());
    window.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    window.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      void this.#open(event.dataTransfer?.files[0]);
    });
  }

  /** Runs what the address names, unless that is what has been run; then only its record is gone to. */
  #followAddress(): void {
    const named = runOfLink(window.location.hash);
    if (named === undefined) return;
    if (this.#named !== undefined && linkOfRun(named) === linkOfRun(this.#named)) this.#viewer.followLink();
    else {
      this.#seed.value = named.seed;
      this.#mutant.value = named.mutant ?? "";
      this.#giveUp.checked = named.giveUpLastCopy ?? false;
      this.#runSeed(named);
    }
  }

  #chosen(): RunLink {
    return runLink(this.#seed.value.trim(), this.#mutant.value, this.#giveUp.checked);
  }

  #runSeed(run: RunLink): void {
    const link = linkOfRun(run);
    if (!`${window.location.hash}&`.startsWith(`#${link}&`)) window.history.replaceState(null, "", `#${link}`);
    this.#named = run;
    this.#fileName = undefined;
    this.#ask(run);
  }

  async #open(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    const plan = await file.text();
    window.history.replaceState(null, "", "#");
    this.#named = undefined;
    this.#fileName = file.name;
    this.#ask({ plan });
  }

  #ask(asked: Asked): void {
    this.#run?.stop();
    this.#linked = /&(step|record)=/.test(window.location.hash);
    this.#begun = undefined;
    this.#records = [];
    this.#progress = undefined;
    for (const button of [this.#savePlan, this.#saveTrace]) button.disabled = true;
    for (const text of [this.#hash, this.#figures]) text.textContent = "";
    this.#which.textContent = this.#fileName ?? "";
    this.#showVerdict("", "running");
    delete document.body.dataset["ended"];
    this.#run = new LiveRun(this.#script, asked, {
      see: (told) => this.#see(told),
      broken: (message) => {
        this.#showVerdict("bad", "broken");
        this.#say("bad", "The simulator itself has failed", [message]);
        this.#showButton();
      },
    });
    this.#run.setPace(this.#chosenPace);
    this.#showButton();
  }

  /** Ends the run where it stands. */
  #stop(): void {
    if (this.#run?.going !== true) return;
    this.#run.stop();
    this.#showVerdict("", "stopped");
    this.#saveTrace.disabled = this.#begun === undefined;
    this.#viewer.end("last");
    this.#showButton();
  }

  #see(tellings: readonly Told[]): void {
    const records: TraceRecord[] = [];
    let ended: Ended | undefined;
    for (const told of tellings) {
      if (told.what === "refused") {
        this.#viewer.begin(1);
        this.#showVerdict("bad", "refused");
        this.#say("bad", "There is no such run", [told.text]);
      } else if (told.what === "begun") this.#begin(told);
      else if (told.what === "ended") ended = told;
      else {
        for (const record of told.records) records.push(record);
        this.#progress = told.progress;
      }
    }
    if (records.length > 0) this.#add(records);
    if (ended !== undefined) this.#end(ended);
    this.#showButton();
  }

  #begin(begun: Begun): void {
    this.#begun = begun;
    this.#empty.hidden = true;
    const what = whichText(begun);
    this.#which.textContent = this.#fileName === undefined ? what : `${this.#fileName}, ${what}`;
    this.#savePlan.disabled = false;
    this.#viewer.begin(begun.nodes, this.#named === undefined ? "" : `${linkOfRun(this.#named)}&`);
    this.#follow();
  }

  #add(records: readonly TraceRecord[]): void {
    for (const record of records) this.#records.push(record);
    this.#viewer.add(records);
    if (this.#progress !== undefined) this.#figures.textContent = figuresText(this.#progress);
  }

  #end(ended: Ended): void {
    this.#showVerdict(toneOf(ended), verdictText(ended));
    this.#hash.textContent = ended.traceHash;
    this.#saveTrace.disabled = false;
    if (this.#progress !== undefined) this.#figures.textContent = figuresText(this.#progress, this.#run?.tookMs);
    if (!this.#linked || !this.#viewer.followLink()) this.#viewer.end("last");
    document.body.dataset["ended"] = "yes";
  }

  /** How many virtual milliseconds are seen in one, or infinity. */
  get #chosenPace(): number {
    return Number(this.#pace.value);
  }

  #follow(): void {
    this.#viewer.follow(this.#chosenPace * US_PER_SECOND * SEEN_SECONDS);
  }

  #setPace(): void {
    this.#run?.setPace(this.#chosenPace);
    if (this.#run?.going === true) this.#follow();
  }

  #save(kind: "plan" | "trace", partsOf: (begun: Begun) => readonly string[]): void {
    if (this.#begun !== undefined) saveFile(`seed-${this.#begun.seed}.${kind}`, partsOf(this.#begun));
  }

  #showButton(): void {
    const runs = this.#run?.going === true;
    this.#button.textContent = runs ? "stop" : "run";
    this.#button.classList.toggle("stop", runs);
  }

  #showVerdict(tone: Tone | "", text: string): void {
    this.#verdict.className = `verdict ${tone}`;
    this.#verdict.textContent = text;
    this.#verdict.title = text;
  }

  /** Says something where the lanes are otherwise. */
  #say(tone: "bad" | "", title: string, lines: readonly string[]): void {
    const heading = document.createElement("b");
    heading.textContent = title;
    const paragraphs = lines.map((line) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = line;
      return paragraph;
    });
    this.#empty.className = tone;
    this.#empty.replaceChildren(heading, ...paragraphs);
    this.#empty.hidden = false;
  }
}

void new SimulatorPage();

/**
 * What all commands share: the `--json` option, exit codes, and one way to fail.
 */
import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import { CodedError } from "../node/base/errors.ts";
import { asCoded } from "./failure.ts";
import { EXIT, Output, type Streams } from "./output.ts";

/** What a command does; a number is its exit code, anything else means done. */
type Handler<A> = (args: ArgumentsCamelCase<A>, output: Output) => unknown;

interface CommandSpec<A> {
  readonly command: string;
  readonly describe: string;
  /** Arguments that may be given several times; any other, repeated, is wrong use. */
  readonly lists?: readonly string[];
  readonly builder: (yargs: Argv) => Argv<A>;
  readonly handler: Handler<A>;
}

/** One run of the command line: where its text goes, and how it ended. The parser hands it to the command's handler. */
export class Invocation {
  readonly streams: Streams;
  exitCode: number = EXIT.done;

  constructor(streams: Streams) {
    this.streams = streams;
  }
}

/** Makes a yargs command of a spec: adds `--json`, turns errors into messages and exit codes. */
export function command<A>(spec: CommandSpec<A>): CommandModule {
  return {
    command: spec.command,
    describe: spec.describe,
    builder: (yargs) => spec.builder(yargs.option("json", { type: "boolean", default: false, describe: "print JSON" })),
    handler: async (args) => {
      const invocation = args["invocation"] as Invocation;
      const output = new Output(args["json"] === true, invocation.streams);
      try {
        refuseUnclear(args, spec.lists ?? []);
        const code = await spec.handler(args as ArgumentsCamelCase<A>, output);
        invocation.exitCode = typeof code === "number" ? code : EXIT.done;
      } catch (error) {
        output.error(asCoded(error));
        invocation.exitCode = error instanceof CodedError && error.code === "usage" ? EXIT.usage : EXIT.failed;
      }
    },
  };
}

/** Throws `CodedError` `usage` for an option given twice, of which only one could be meant, or without its value. */
function refuseUnclear(args: object, lists: readonly string[]): void {
  for (const [name, value] of Object.entries(args)) {
    if (name === "_" || name === "$0") continue;
    if (Array.isArray(value) && !lists.includes(name)) throw usage(`--${name} is given more than once`);
    if (value === "" || value === undefined) throw usage(`--${name} needs a value`);
  }
}

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** A group of commands, such as `quorate account ...`. */
export function group(name: string, describe: string, members: readonly CommandModule[]): CommandModule {
  const names = members.map((member) => String(member.command).split(" ")[0]);
  return {
    command: name,
    describe,
    builder: (yargs) => {
      for (const member of members) yargs.command(member);
      return yargs.usage(`$0 ${name} <command>\n\n${describe}`).demandCommand(1, `say which: ${names.join(", ")}`);
    },
    handler: () => undefined,
  };
}

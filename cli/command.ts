/**
 * What all commands share: the `--json` option, exit codes, and one way to fail.
 */
import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import { CodedError } from "../node/base/errors.ts";
import { EXIT, Output } from "./output.ts";

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

/** Makes a yargs command of a spec: adds `--json`, turns errors into messages and exit codes. */
export function command<A>(spec: CommandSpec<A>): CommandModule {
  return {
    command: spec.command,
    describe: spec.describe,
    builder: (yargs) => spec.builder(yargs.option("json", { type: "boolean", default: false, describe: "print JSON" })),
    handler: async (args) => {
      const output = new Output(args["json"] === true);
      try {
        refuseRepeated(args, spec.lists ?? []);
        const code = await spec.handler(args as ArgumentsCamelCase<A>, output);
        process.exitCode = typeof code === "number" ? code : EXIT.done;
      } catch (error) {
        output.error(error);
        process.exitCode = error instanceof CodedError && error.code === "usage" ? EXIT.usage : EXIT.failed;
      }
    },
  };
}

/** Throws `CodedError` `usage` for an option given twice, of which only one could be meant. */
function refuseRepeated(args: object, lists: readonly string[]): void {
  const repeated = Object.entries(args).find(
    ([name, value]) => name !== "_" && !lists.includes(name) && Array.isArray(value),
  );
  if (repeated !== undefined) throw new CodedError("usage", `--${repeated[0]} is given more than once`);
}

/** A group of commands, such as `quorate account ...`. */
export function group(name: string, describe: string, members: readonly CommandModule[]): CommandModule {
  return {
    command: `${name} <command>`,
    describe,
    builder: (yargs) => {
      for (const member of members) yargs.command(member);
      return yargs.demandCommand(
        1,
        `say which: ${members.map((member) => String(member.command).split(" ")[0]).join(", ")}`,
      );
    },
    handler: () => undefined,
  };
}

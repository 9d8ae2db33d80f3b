/**
 * As much of PostgreSQL's protocol (version 3.0) as a load needs: start-up without a password, a prepared statement with
 * binary parameters that answers with one number, one query at a time a connection.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { CodedError } from "../../../node/base/errors.ts";

const PROTOCOL = 196_608;
const STATEMENT = "load";
const HEADER_BYTES = 5;
/** In a DataRow: how many columns there are, and how many bytes the first one has. */
const FIRST_COLUMN = HEADER_BYTES + 2 + 4;
/** For parameters, and for results. */
const BINARY = 1;

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(type.length + 4);
  header.write(type, "latin1");
  header.writeInt32BE(body.length + 4, type.length);
  return Buffer.concat([header, body]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf8");
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export class PgConnection {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #waiting: { readonly resolve: (answer: number) => void; readonly reject: (error: Error) => void } | undefined;
  #answer = 0;
  #error: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects and prepares the one statement that will be executed; it answers with one row of one bigint. */
  static async open(port: number, statement: string): Promise<PgConnection> {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    const connection = new PgConnection(socket);
    socket.on("data", (data: Buffer) => connection.#data(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => connection.#fail("PostgreSQL closed a connection"));
    await once(socket, "connect");
    await connection.#ask(
      message(
        "",
        int32(PROTOCOL),
        text("user"),
        text("postgres"),
        text("database"),
        text("postgres"),
        Buffer.from([0]),
      ),
    );
    await connection.#ask(Buffer.concat([message("P", text(STATEMENT), text(statement), int16(0)), message("S")]));
    return connection;
  }

  /** Executes the statement with binary parameters; resolves with its answer when its transaction is committed. */
  async execute(parameters: readonly Buffer[]): Promise<number> {
    const values = parameters.flatMap((value) => [int32(value.length), value]);
    const formats = Buffer.concat([int16(1), int16(BINARY)]);
    const bind = message("B", text(""), text(STATEMENT), formats, int16(parameters.length), ...values, formats);
    return await this.#ask(Buffer.concat([bind, message("E", text(""), int32(0)), message("S")]));
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  #data(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + 1 + bytes.readInt32BE(at + 1);
      if (end > bytes.length) break;
      const type = String.fromCharCode(bytes[at] as number);
      if (type === "E") this.#error = bytes.toString("utf8", at + HEADER_BYTES, end).replaceAll("\0", " ");
      if (type === "D") this.#answer = Number(bytes.readBigInt64BE(at + FIRST_COLUMN));
      if (type === "Z") this.#ready();
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  /** ReadyForQuery: what was asked is done, or has failed. */
  #ready(): void {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) this.#fail(`PostgreSQL refused: ${error}`);
    else this.#waiting?.resolve(this.#answer);
  }

  #fail(reason: string): void {
    this.#waiting?.reject(new CodedError("peer_failed", reason));
    this.#waiting = undefined;
  }
}

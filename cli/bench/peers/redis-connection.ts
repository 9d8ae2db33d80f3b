/** As much of Redis' protocol (RESP 2) as a load needs: pipelines of commands, one pipeline at a time a connection. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { CodedError } from "../../../node/base/errors.ts";

export type Reply = number | string | null | readonly Reply[];

const TYPES = { integer: ":", bulk: "$", array: "*", error: "-" } as const;
const LINE_END = "\r\n";

interface Pipeline {
  readonly replies: Reply[];
  readonly wanted: number;
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (error: Error) => void;
}

/** A command as Redis reads it. A character is a byte (latin1), here as in replies: as text it is made with the least work. */
export function redisCommand(...words: readonly string[]): string {
  let command = `*${words.length}${LINE_END}`;
  for (const word of words) command += `$${word.length}${LINE_END}${word}${LINE_END}`;
  return command;
}

export class RedisConnection {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #pipeline: Pipeline | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<RedisConnection> {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    try {
      await once(socket, "connect");
    } catch (error) {
      throw new CodedError("peer_failed", `Redis takes no connection on port ${port}`, {}, error);
    }
    const connection = new RedisConnection(socket);
    socket.on("data", (data: Buffer) => connection.#data(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => connection.#fail("Redis closed a connection"));
    return connection;
  }

  /** Sends commands at once; resolves with all their replies, or rejects with `CodedError` `peer_failed` at a refusal. */
  async ask(...commands: readonly string[]): Promise<readonly Reply[]> {
    if (this.#socket.destroyed) throw new CodedError("peer_failed", "the connection to Redis is closed");
    return await new Promise((resolve, reject) => {
      this.#pipeline = { replies: [], wanted: commands.length, resolve, reject };
      this.#socket.write(commands.join(""), "latin1");
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #data(data: Buffer): void {
    const reader = new ReplyReader(this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]));
    try {
      for (let reply = reader.next(); reply !== undefined; reply = reader.next()) this.#reply(reply);
    } catch (error) {
      this.#fail(String(error));
      this.close();
    }
    this.#rest = reader.rest();
  }

  #reply(reply: Reply): void {
    const pipeline = this.#pipeline;
    if (pipeline === undefined) return;
    pipeline.replies.push(reply);
    if (pipeline.replies.length < pipeline.wanted) return;
    this.#pipeline = undefined;
    pipeline.resolve(pipeline.replies);
  }

  #fail(reason: string): void {
    this.#pipeline?.reject(new CodedError("peer_failed", reason));
    this.#pipeline = undefined;
  }
}

/** Reads replies out of bytes of which the last reply may lack its end. */
class ReplyReader {
  readonly #bytes: Buffer;
  #at = 0;
  #read = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The next reply, or undefined where it is not whole; throws `CodedError` `peer_failed` at a refusal. */
  next(): Reply | undefined {
    const reply = this.#value();
    if (reply !== undefined) this.#read = this.#at;
    return reply;
  }

  /** What belongs to no reply yet. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#read);
  }

  #value(): Reply | undefined {
    const end = this.#bytes.indexOf(LINE_END, this.#at, "latin1");
    if (end < 0) return undefined;
    const type = String.fromCharCode(this.#bytes[this.#at] as number);
    const line = this.#bytes.toString("latin1", this.#at + 1, end);
    this.#at = end + LINE_END.length;
    switch (type) {
      case TYPES.integer:
        return Number(line);
      case TYPES.bulk:
        return this.#bulk(Number(line));
      case TYPES.array:
        return this.#array(Number(line));
      case TYPES.error:
        throw new CodedError("peer_failed", `Redis refused: ${line}`);
      default:
        return line;
    }
  }

  #bulk(length: number): Reply | undefined {
    if (length < 0) return null;
    const from = this.#at;
    this.#at += length + LINE_END.length;
    return this.#at > this.#bytes.length ? undefined : this.#bytes.toString("latin1", from, from + length);
  }

  #array(length: number): Reply | undefined {
    const values: Reply[] = [];
    for (let index = 0; index < length; index++) {
      const value = this.#value();
      if (value === undefined) return undefined;
      values.push(value);
    }
    return values;
  }
}

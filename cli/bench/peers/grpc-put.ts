/**
 * A client for one thing: many unary gRPC calls of etcd's `KV/Put` over one cleartext HTTP/2 connection (RFC 9113, RFC 7541).
 * By hand, because a general client would take much of the two cores that the servers are measured on. Headers travel in
 * full once, with incremental indexing, and as six bytes afterwards.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { CodedError } from "../../../node/base/errors.ts";

const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEADER_BYTES = 9;
const TYPES = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const FLAGS = { ack: 1, endStream: 1, endHeaders: 4 } as const;
const INITIAL_WINDOW = 65_535;
const WINDOW_MAX = 0x7fff_ffff;
/** Received bytes after which the peer's window is opened again. */
const WINDOW_STEP = 1 << 20;
/** :method POST, :scheme http, then what the first request has put into the table: te, content-type, authority, path. */
const INDEXED_HEADERS: Buffer = Buffer.from([0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);

function frame(type: number, flags: number, stream: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, body]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
}

/** The header block that fills the peer's dynamic table (RFC 7541, section 6.2.1). */
function firstHeaders(authority: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x44]),
    ...[text("/etcdserverpb.KV/Put"), Buffer.from([0x41]), text(authority), Buffer.from([0x5f])],
    ...[text("application/grpc"), Buffer.from([0x40]), text("te"), text("trailers")],
  ]);
}

/** Protobuf base-128. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A length-prefixed gRPC message holding a PutRequest. */
function putRequest(key: Buffer, value: Buffer): Buffer {
  const message = Buffer.concat([
    Buffer.from([0x0a]),
    varint(key.length),
    key,
    Buffer.from([0x12]),
    varint(value.length),
    value,
  ]);
  return Buffer.concat([Buffer.from([0]), u32(message.length), message]);
}

interface Call {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  answered: boolean;
}

export class PutConnection {
  readonly #socket: Socket;
  readonly #authority: string;
  readonly #calls = new Map<number, Call>();
  #waiting: { readonly call: Call; readonly body: Buffer }[] = [];
  #nextStream = 1;
  #window = INITIAL_WINDOW;
  #received = 0;
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
  }

  static async open(port: number): Promise<PutConnection> {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    const connection = new PutConnection(socket, `127.0.0.1:${port}`);
    socket.on("data", (data: Buffer) => connection.#data(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => connection.#fail());
    await once(socket, "connect");
    connection.#send(
      Buffer.concat([
        PREFACE,
        frame(TYPES.settings, 0, 0),
        frame(TYPES.windowUpdate, 0, 0, u32(WINDOW_MAX - INITIAL_WINDOW)),
      ]),
    );
    return connection;
  }

  /** Resolves when the put is acknowledged; rejects with `CodedError` `peer_failed`. */
  put(key: Buffer, value: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#start({ resolve, reject, answered: false }, putRequest(key, value));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #start(call: Call, body: Buffer): void {
    if (this.#window < body.length) {
      this.#waiting.push({ call, body });
      return;
    }
    this.#window -= body.length;
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, call);
    const headers = stream === 1 ? firstHeaders(this.#authority) : INDEXED_HEADERS;
    this.#send(frame(TYPES.headers, FLAGS.endHeaders, stream, headers));
    this.#send(frame(TYPES.data, FLAGS.endStream, stream, body));
  }

  /** What is sent in one turn leaves in one write. */
  #send(bytes: Buffer): void {
    if (this.#out.length === 0) {
      setImmediate(() => {
        const out = this.#out;
        this.#out = [];
        this.#socket.write(Buffer.concat(out));
      });
    }
    this.#out.push(bytes);
  }

  #data(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5) & WINDOW_MAX;
      this.#frame(
        bytes[at + 3] as number,
        bytes[at + 4] as number,
        stream,
        bytes.subarray(at + FRAME_HEADER_BYTES, end),
      );
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #frame(type: number, flags: number, stream: number, body: Buffer): void {
    switch (type) {
      case TYPES.data: {
        // A call that succeeds answers with a message; one that fails, with trailers alone.
        const call = this.#calls.get(stream);
        if (call !== undefined) call.answered = true;
        this.#open(body.length);
        break;
      }
      case TYPES.headers:
        if ((flags & FLAGS.endStream) !== 0) this.#end(stream);
        break;
      case TYPES.reset:
        this.#end(stream);
        break;
      case TYPES.settings:
        if ((flags & FLAGS.ack) === 0) this.#send(frame(TYPES.settings, FLAGS.ack, 0));
        break;
      case TYPES.ping:
        if ((flags & FLAGS.ack) === 0) this.#send(frame(TYPES.ping, FLAGS.ack, 0, Buffer.from(body)));
        break;
      case TYPES.windowUpdate:
        if (stream === 0) this.#widen(body.readUInt32BE(0) & WINDOW_MAX);
        break;
      case TYPES.goAway:
        this.#socket.destroy();
        break;
      default:
        break;
    }
  }

  #open(bytes: number): void {
    this.#received += bytes;
    if (this.#received < WINDOW_STEP) return;
    this.#send(frame(TYPES.windowUpdate, 0, 0, u32(this.#received)));
    this.#received = 0;
  }

  #widen(by: number): void {
    this.#window += by;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { call, body } of waiting) this.#start(call, body);
  }

  #end(stream: number): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    if (call?.answered === true) call.resolve();
    else call?.reject(new CodedError("peer_failed", "etcd refused a put"));
  }

  #fail(): void {
    const error = new CodedError("peer_failed", "etcd closed a connection");
    for (const call of [...this.#calls.values(), ...this.#waiting.map((waiting) => waiting.call)]) call.reject(error);
    this.#calls.clear();
    this.#waiting = [];
  }
}

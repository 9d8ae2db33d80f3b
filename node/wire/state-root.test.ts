import { describe, expect, test } from "vitest";
import { KeyRing, sha256 } from "../../sim/virtual-crypto.ts";
import { compareKeys } from "./attestation.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { pack } from "./msgpack.ts";
import { decodeSignedState, encodeSignedState, type SignedState, stateSigners, stateStatement } from "./state-root.ts";

const KEYS = new KeyRing();
const NODES = [1, 2, 3].map((id) => KEYS.create(`node ${id}`)).sort((a, b) => compareKeys(a.publicKey, b.publicKey));
const CLUSTER_ID = new Uint8Array(16).fill(5);
const AT = { height: 1_000, root: new Uint8Array(32).fill(7) };
const statement = stateStatement(sha256, CLUSTER_ID, AT);
const signatures = NODES.map((node) => ({ nodeKey: node.publicKey, signature: node.sign(statement) }));
const STATE: SignedState = { ...AT, signatures };
const trust = {
  ...{ clusterId: CLUSTER_ID, sha256, nodeKeys: NODES.map(({ publicKey }) => publicKey) },
  verify: KEYS.verify.bind(KEYS),
};

describe("a signed state", () => {
  test("comes back, and its signatures are good", () => {
    const back = decodeSignedState(encodeSignedState(STATE));
    expect(back).toEqual(STATE);
    expect(stateSigners(back, trust)).toHaveLength(3);
  });

  test("is signed for one height, one root and one cluster", () => {
    expect(stateSigners({ ...STATE, height: 1_001 }, trust)).toEqual([]);
    expect(stateSigners({ ...STATE, root: new Uint8Array(32) }, trust)).toEqual([]);
    expect(stateSigners(STATE, { ...trust, clusterId: new Uint8Array(16) })).toEqual([]);
  });

  test("with a key twice is refused", () => {
    const [first] = signatures.map(({ nodeKey, signature }) => [nodeKey, signature]);
    expect(refusalOf(decodeSignedState, pack([1, 5, AT.root, [first, first]]))).toBe("malformed_checkpoint");
  });
});

describeHostileBytes("a signed state", {
  valid: [encodeSignedState(STATE), encodeSignedState({ ...STATE, signatures: [] })],
  decode: decodeSignedState,
  encode: encodeSignedState,
  codes: ["malformed_msgpack", "malformed_checkpoint"],
});

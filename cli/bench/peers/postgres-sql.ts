/** The tables and functions of the comparison: double entry with no overdraft check and no foreign key, in the peer's favour. */

export const BATCH_FUNCTION = "transfer_many";

export const SCHEMA: string = `
CREATE TABLE accounts (
  id bigint PRIMARY KEY,
  debits_posted bigint NOT NULL DEFAULT 0,
  credits_posted bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE transfers (
  id uuid PRIMARY KEY,
  debit bigint NOT NULL,
  credit bigint NOT NULL,
  amount bigint NOT NULL,
  created timestamptz NOT NULL DEFAULT now()
);
-- Rows are locked in the order of their ids, so that two transfers never wait for each other.
CREATE FUNCTION transfer_one(new_id uuid, from_id bigint, to_id bigint, units bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO transfers (id, debit, credit, amount) VALUES (new_id, from_id, to_id, units) ON CONFLICT (id) DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  UPDATE accounts SET
    debits_posted = debits_posted + CASE WHEN id = from_id THEN units ELSE 0 END,
    credits_posted = credits_posted + CASE WHEN id = to_id THEN units ELSE 0 END
  WHERE id = least(from_id, to_id);
  UPDATE accounts SET
    debits_posted = debits_posted + CASE WHEN id = from_id THEN units ELSE 0 END,
    credits_posted = credits_posted + CASE WHEN id = to_id THEN units ELSE 0 END
  WHERE id = greatest(from_id, to_id);
  RETURN true;
END $$;
-- Set-based: all accounts are locked once, in order; what is new is inserted; each account is updated once.
CREATE FUNCTION ${BATCH_FUNCTION}(ids uuid[], debits bigint[], credits bigint[], units bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE created bigint;
BEGIN
  PERFORM 1 FROM accounts a JOIN (SELECT DISTINCT u FROM unnest(debits || credits) u) wanted ON a.id = wanted.u
    ORDER BY a.id FOR NO KEY UPDATE OF a;
  WITH inserted AS (
    INSERT INTO transfers (id, debit, credit, amount) SELECT * FROM unnest(ids, debits, credits, units)
    ON CONFLICT (id) DO NOTHING RETURNING debit, credit, amount
  ), moved AS (
    SELECT account, sum(out)::bigint AS out, sum(into_)::bigint AS into_ FROM (
      SELECT debit AS account, amount AS out, 0 AS into_ FROM inserted
      UNION ALL SELECT credit, 0, amount FROM inserted
    ) sides GROUP BY account
  ), updated AS (
    UPDATE accounts a SET debits_posted = a.debits_posted + moved.out, credits_posted = a.credits_posted + moved.into_
    FROM moved WHERE a.id = moved.account
  )
  SELECT count(*) INTO created FROM inserted;
  RETURN created;
END $$;
`;

const PAIR = `
\\set a random(1, ACCOUNTS)
\\set other random(1, ACCOUNTS - 1)
\\set b :other + CASE WHEN :other >= :a THEN 1 ELSE 0 END
\\set units random(1, 1000)
`;

/** One transfer a transaction, as a client without stored functions writes it. */
export const STATEMENTS_SCRIPT: string = `${PAIR}
\\set low least(:a, :b)
\\set high greatest(:a, :b)
\\set lowDebit CASE WHEN :a < :b THEN :units ELSE 0 END
\\set lowCredit :units - :lowDebit
BEGIN;
INSERT INTO transfers (id, debit, credit, amount) VALUES (gen_random_uuid(), :a, :b, :units);
UPDATE accounts SET debits_posted = debits_posted + :lowDebit, credits_posted = credits_posted + :lowCredit WHERE id = :low;
UPDATE accounts SET debits_posted = debits_posted + :lowCredit, credits_posted = credits_posted + :lowDebit WHERE id = :high;
COMMIT;
`;

/** One transfer a transaction, inside a function: one round trip. */
export const FUNCTION_SCRIPT: string = `${PAIR}
SELECT transfer_one(gen_random_uuid(), :a, :b, :units);
`;

-- What a team would build instead: a reserve as one function of the server, with the rows that the real one writes.
CREATE TABLE accounts (
  id text PRIMARY KEY,
  available bigint NOT NULL CHECK (available >= 0),
  reserved bigint NOT NULL CHECK (reserved >= 0),
  seq bigint NOT NULL
);

CREATE TABLE reservations (
  account text NOT NULL,
  id text NOT NULL,
  state text NOT NULL,
  held bigint NOT NULL CHECK (held >= 0),
  metadata jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (account, id)
);

CREATE INDEX held_reservations ON reservations (account, expires_at) WHERE state = 'held';

CREATE TABLE entries (
  account text NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  available bigint NOT NULL,
  reserved bigint NOT NULL,
  reservation text,
  PRIMARY KEY (account, seq)
);

CREATE FUNCTION reserve(in_account text, in_id text, in_amount bigint, in_metadata jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  funds accounts;
  known reservations;
BEGIN
  SELECT * INTO funds FROM accounts WHERE id = in_account FOR UPDATE;
  IF NOT FOUND THEN RETURN jsonb_build_object('status', 404); END IF;
  SELECT * INTO known FROM reservations WHERE account = in_account AND id = in_id;
  IF FOUND THEN RETURN jsonb_build_object('status', 200, 'reservation', to_jsonb(known), 'balance', to_jsonb(funds)); END IF;
  IF funds.available < in_amount THEN RETURN jsonb_build_object('status', 402, 'balance', to_jsonb(funds)); END IF;
  UPDATE accounts SET available = available - in_amount, reserved = reserved + in_amount, seq = seq + 1
    WHERE id = in_account RETURNING * INTO funds;
  INSERT INTO reservations VALUES (in_account, in_id, 'held', in_amount, in_metadata, now(), now() + interval '15 minutes')
    RETURNING * INTO known;
  INSERT INTO entries VALUES (in_account, funds.seq, now(), 'reserve', funds.available, funds.reserved, in_id);
  RETURN jsonb_build_object('status', 201, 'reservation', to_jsonb(known), 'balance', to_jsonb(funds));
END $$;

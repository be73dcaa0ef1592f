-- The database of one account's object. Amounts are integers of millicredits, times are epoch milliseconds.
-- The CHECKs repeat the ledger's rules where no code can forget them (R2, R20).

CREATE TABLE account (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT,
  email TEXT,
  region TEXT,
  allow_debt INTEGER NOT NULL CHECK (allow_debt IN (0, 1)),
  byok INTEGER NOT NULL DEFAULT 0 CHECK (byok IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The ledger (R19). The last entry carries the balances and totals, so the state of the account is one row to read and
-- no further row to write.
CREATE TABLE entries (
  seq INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  available_delta INTEGER NOT NULL,
  reserved_delta INTEGER NOT NULL,
  debt_delta INTEGER NOT NULL,
  available INTEGER NOT NULL CHECK (available BETWEEN 0 AND 1000000000000000),
  reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND 1000000000000000),
  debt INTEGER NOT NULL CHECK (debt BETWEEN 0 AND 1000000000000000),
  charged INTEGER NOT NULL,
  absorbed INTEGER NOT NULL,
  actual INTEGER,
  cost_usd TEXT,
  mode TEXT NOT NULL CHECK (mode IN ('credits', 'byok')),
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  reservation TEXT,
  grants TEXT NOT NULL,
  tier TEXT,
  metadata TEXT NOT NULL,
  detail TEXT,
  total_granted INTEGER NOT NULL CHECK (total_granted BETWEEN 0 AND 1000000000000000),
  total_charged INTEGER NOT NULL CHECK (total_charged BETWEEN 0 AND 1000000000000000),
  total_absorbed INTEGER NOT NULL CHECK (total_absorbed BETWEEN 0 AND 1000000000000000),
  total_expired INTEGER NOT NULL CHECK (total_expired BETWEEN 0 AND 1000000000000000),
  total_voided INTEGER NOT NULL CHECK (total_voided BETWEEN 0 AND 1000000000000000),
  total_taken_back INTEGER NOT NULL CHECK (total_taken_back BETWEEN 0 AND 1000000000000000),
  open INTEGER NOT NULL CHECK (open >= 0)
) STRICT;

CREATE TABLE grants (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('trial', 'purchase', 'top_up', 'promotional', 'adjustment')),
  credits INTEGER NOT NULL,
  free INTEGER NOT NULL CHECK (free >= 0),
  held INTEGER NOT NULL CHECK (held >= 0),
  -- Whether anything of it is free or held. A column of its own, so that spending does not touch the index.
  live INTEGER NOT NULL CHECK (live = (free > 0 OR held > 0)),
  expires_at INTEGER,
  voided INTEGER NOT NULL CHECK (voided IN (0, 1)),
  reason TEXT,
  created_at INTEGER NOT NULL,
  ordinal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX live_grants ON grants (ordinal) WHERE live = 1;

CREATE TABLE reservations (
  id TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'expired')),
  mode TEXT NOT NULL CHECK (mode IN ('credits', 'byok')),
  tier TEXT,
  held INTEGER NOT NULL CHECK (held >= 0),
  parts TEXT NOT NULL,
  charged INTEGER,
  returned INTEGER,
  absorbed INTEGER,
  actual INTEGER,
  cost_usd TEXT,
  accrued INTEGER NOT NULL,
  max_credits INTEGER NOT NULL,
  overage TEXT NOT NULL CHECK (overage IN ('available', 'cap', 'debt')),
  on_expiry TEXT NOT NULL CHECK (on_expiry IN ('release', 'settle_accrued')),
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  supersedes TEXT,
  dedupe_key TEXT,
  metadata TEXT NOT NULL,
  ttl_ms INTEGER NOT NULL,
  request TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  closed_at INTEGER,
  ordinal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is due next, and the list of what is held. The closed ones are found through the entries that reserved them.
CREATE INDEX held_reservations ON reservations (expires_at, ordinal) WHERE state = 'held';
CREATE INDEX deduplicated_reservations ON reservations (dedupe_key, ordinal) WHERE dedupe_key IS NOT NULL;

-- Other names of reservations, from deduplication.
CREATE TABLE reservation_aliases (
  id TEXT NOT NULL PRIMARY KEY,
  reservation TEXT NOT NULL REFERENCES reservations (id),
  request TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The account's own keys. Only a hash of each is kept.
CREATE TABLE keys (
  id TEXT NOT NULL PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('billing', 'runner', 'read')),
  name TEXT,
  hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  idempotency_key TEXT UNIQUE
) STRICT, WITHOUT ROWID;

-- How far history has what this object knows. One row.
CREATE TABLE outbox (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  drained_to INTEGER NOT NULL,
  -- The account's own line in the directory still has to be sent.
  described INTEGER NOT NULL CHECK (described IN (0, 1)),
  failures INTEGER NOT NULL,
  retry_at INTEGER NOT NULL
) STRICT;

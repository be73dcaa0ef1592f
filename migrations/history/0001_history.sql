-- The read model of all accounts. It is never asked for a decision, and it can be rebuilt from the objects.
-- Amounts are integers of millicredits, times are epoch milliseconds.

CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT,
  email TEXT,
  region TEXT,
  allow_debt INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_by_age ON accounts (created_at, id);

-- A prefix of each account's entries (R19).
CREATE TABLE entries (
  account TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  available_delta INTEGER NOT NULL,
  reserved_delta INTEGER NOT NULL,
  debt_delta INTEGER NOT NULL,
  available INTEGER NOT NULL,
  reserved INTEGER NOT NULL,
  debt INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  absorbed INTEGER NOT NULL,
  actual INTEGER,
  cost_usd TEXT,
  mode TEXT NOT NULL,
  late INTEGER NOT NULL,
  reservation TEXT,
  grants TEXT NOT NULL,
  tier TEXT,
  metadata TEXT NOT NULL,
  detail TEXT,
  PRIMARY KEY (account, seq)
) STRICT, WITHOUT ROWID;

-- One review's whole story.
CREATE INDEX entries_by_reservation ON entries (account, reservation, seq) WHERE reservation IS NOT NULL;

-- Sums by day (UTC), tier and repository; '' where an entry has none. They change in the batch that inserts the entries.
CREATE TABLE usage (
  account TEXT NOT NULL,
  day TEXT NOT NULL,
  tier TEXT NOT NULL,
  repository TEXT NOT NULL,
  reviews INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  absorbed INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  byok_reviews INTEGER NOT NULL,
  byok_cost INTEGER NOT NULL,
  PRIMARY KEY (account, day, tier, repository)
) STRICT, WITHOUT ROWID;

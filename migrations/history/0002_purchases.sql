-- Which purchase an entry is about: its grant, refunds and disputes.
ALTER TABLE entries ADD COLUMN purchase TEXT;

-- How far Stripe's events were looked through for those that no webhook brought. One row.
CREATE TABLE repairs (
  id INTEGER NOT NULL PRIMARY KEY,
  listed_to INTEGER NOT NULL
) STRICT;

-- Events that an account could not take when it was told of them: they are brought again.
CREATE TABLE missed_events (
  event TEXT NOT NULL PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX missed_events_by_age ON missed_events (created_at);

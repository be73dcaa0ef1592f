-- Ways into the dashboard. A link is used once and becomes a session; of either only a hash is kept.

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  -- Of the link until it is used, of the cookie from then on.
  hash TEXT NOT NULL,
  return_url TEXT,
  created_at INTEGER NOT NULL,
  entered_at INTEGER,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_end ON sessions (expires_at);

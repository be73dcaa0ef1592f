-- What an account's own reviews teach about its estimates. All of it is derived, and no balance depends on it.

-- What was announced for a review by its facts, as JSON: what its cost will be judged by. NULL for one that named
-- credits, and for those that were made before.
ALTER TABLE reservations ADD COLUMN announced TEXT;

-- How far the entries were learned from, and what of each tier, as JSON: what was seen, and how well estimates did.
-- One row.
CREATE TABLE learning (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  learned_to INTEGER NOT NULL CHECK (learned_to >= 0),
  tiers TEXT NOT NULL
) STRICT;

-- Entries from before have nothing to teach.
INSERT INTO learning (id, learned_to, tiers) SELECT 1, ifnull(max(seq), 0), '{}' FROM entries;

-- What was seen of a tier in one repository, and in which entry last: the one that was seen longest ago makes room.
CREATE TABLE calibrations (
  tier TEXT NOT NULL,
  repository TEXT NOT NULL,
  sums TEXT NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (tier, repository)
) STRICT, WITHOUT ROWID;

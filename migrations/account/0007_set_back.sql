-- The first entry that history has otherwise than this database, which must then have been set back in time.
ALTER TABLE outbox ADD COLUMN differs_at INTEGER;

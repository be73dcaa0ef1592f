-- Kinds of which a ledger may have few, so that a page of them is found without reading the others. What nearly every
-- review writes is left out: it is found anywhere, and an index of it would be one more row written per entry.
CREATE INDEX entries_by_kind ON entries (account, kind, seq) WHERE kind NOT IN ('reserve', 'settle');

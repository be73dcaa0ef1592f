-- What the quote of a reservation is known by. A quote serves one reservation, where no code can forget it; reservations
-- without one are not in the index.

ALTER TABLE reservations ADD COLUMN quote TEXT;

CREATE UNIQUE INDEX quoted_reservations ON reservations (quote) WHERE quote IS NOT NULL;

-- Money in: what was bought, what of it Stripe has to be asked about, and what the customer agreed to.

ALTER TABLE entries ADD COLUMN purchase TEXT;

-- R16, as JSON: what was agreed last. NULL if nothing ever was.
ALTER TABLE account ADD COLUMN auto_top_up TEXT;

-- Packs being bought, in Checkout or by auto top-up (R12-R15). Price and credits are locked when one starts.
CREATE TABLE purchases (
  number INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('checkout', 'auto_top_up')),
  pack TEXT NOT NULL,
  credits INTEGER NOT NULL CHECK (credits > 0),
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'processing', 'paid', 'expired', 'failed')),
  stage TEXT CHECK (stage IN ('written', 'created', 'confirming', 'canceling')),
  failure TEXT CHECK (failure IN ('declined', 'authentication_required', 'not_created', 'not_allowed')),
  failure_code TEXT,
  customer TEXT,
  -- One purchase per Checkout session and per PaymentIntent, whatever the code above believes (R12).
  session TEXT UNIQUE,
  payment_intent TEXT UNIQUE,
  card TEXT,
  url TEXT,
  success_url TEXT,
  cancel_url TEXT,
  settles TEXT,
  settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
  charged_cents INTEGER,
  refunded_cents INTEGER NOT NULL,
  kept_cents INTEGER NOT NULL,
  disputed_cents INTEGER NOT NULL,
  refund_taken INTEGER NOT NULL CHECK (refund_taken >= 0),
  dispute_taken INTEGER NOT NULL CHECK (dispute_taken >= 0),
  taken TEXT NOT NULL,
  receipt_url TEXT,
  request TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  charged_at INTEGER,
  -- The UTC month of Stripe's charge, of attempts: what the monthly limit counts (R14).
  charged_month TEXT,
  paid_at INTEGER,
  closed_at INTEGER
) STRICT;

-- R14: no second attempt while one is open.
CREATE UNIQUE INDEX open_attempt ON purchases (kind) WHERE stage IS NOT NULL;
CREATE INDEX attempts ON purchases (number) WHERE kind = 'auto_top_up';
CREATE INDEX attempt_outcomes ON purchases (number)
  WHERE kind = 'auto_top_up' AND (state = 'paid' OR failure IN ('declined', 'authentication_required'));
-- One page at a time for an attempt that its customer has to pay for: paid twice, it would be charged twice.
CREATE UNIQUE INDEX settlements ON purchases (settles) WHERE settles IS NOT NULL AND state IN ('open', 'processing');
CREATE INDEX open_checkouts ON purchases (kind) WHERE kind = 'checkout' AND state = 'open' AND session IS NOT NULL;
CREATE INDEX charged_attempts ON purchases (charged_month, price_cents) WHERE charged_month IS NOT NULL;

-- Who pays: the account's customer at Stripe, how many it has had, and the cards that are kept, as JSON. One row.
CREATE TABLE payer (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  customer TEXT,
  customers INTEGER NOT NULL,
  cards TEXT NOT NULL
) STRICT;

-- What Stripe has to be asked about, by topic, with the event that last said so. Asking once answers all that came before.
CREATE TABLE inbox (
  topic TEXT NOT NULL PRIMARY KEY,
  event TEXT,
  payment TEXT,
  asked INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_by_time ON inbox (due_at);

-- Refunds that the operator asked for, written down before Stripe is asked: only these may leave auto top-up on (R13).
CREATE TABLE refunds (
  id TEXT NOT NULL PRIMARY KEY,
  purchase TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  keeps_auto_top_up INTEGER NOT NULL CHECK (keeps_auto_top_up IN (0, 1)),
  request TEXT NOT NULL,
  idempotency_key TEXT UNIQUE,
  -- `asked` until Stripe's answer is known.
  state TEXT NOT NULL CHECK (state IN ('asked', 'made', 'refused')),
  -- Stripe's id of the one refund that it became, or Stripe's word for why it refused.
  made_as TEXT UNIQUE,
  refusal TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refunds_of_purchase ON refunds (purchase, created_at);

-- Changes of auto top-up that came with an idempotency key: one that is sent again changes nothing (R16).
CREATE TABLE settings_requests (
  idempotency_key TEXT NOT NULL PRIMARY KEY,
  request TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

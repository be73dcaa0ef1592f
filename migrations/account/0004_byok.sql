-- The account's own Anthropic key (R17), never as it is. No row: there is none, and reviews are paid for in credits.

CREATE TABLE byok (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  -- Which of the deployment's secrets sealed it, by a name made of that secret.
  secret TEXT NOT NULL,
  -- The key under AES-256-GCM, in hex: 12 bytes of nonce, then the ciphertext with its tag.
  sealed TEXT NOT NULL,
  -- By which the same key is known again without opening this one: a MAC under the same secret.
  mark TEXT NOT NULL,
  -- All of it that is ever shown.
  preview TEXT NOT NULL,
  -- When it was put.
  since INTEGER NOT NULL
) STRICT;

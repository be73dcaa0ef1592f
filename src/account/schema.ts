/**
 * The schema of an account's own database: ordered SQL, each step applied once, all of it in one transaction. An object
 * that is not an account yet has no tables (an unknown account behind a valid key must store nothing).
 */
import account from '../../migrations/account/0001_account.sql'
import payments from '../../migrations/account/0002_payments.sql'
import sessions from '../../migrations/account/0003_sessions.sql'
import byok from '../../migrations/account/0004_byok.sql'
import quotes from '../../migrations/account/0005_quotes.sql'
import estimates from '../../migrations/account/0006_estimates.sql'
import setBack from '../../migrations/account/0007_set_back.sql'

/** In order and never changed once released; a change of the schema is a further step. */
const STEPS: readonly string[] = [account, payments, sessions, byok, quotes, estimates, setBack]

/** Whether this object is an account: whether it has a schema at all. Reads, never writes. */
export function hasSchema(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_steps'").toArray().length > 0
}

/** Brings the database to the newest schema; nothing to do costs one read. */
export function migrate(storage: DurableObjectStorage): void {
  const { sql } = storage
  const applied = hasSchema(sql) ? sql.exec<{ steps: number }>('SELECT steps FROM schema_steps').one().steps : 0
  if (applied === STEPS.length) return
  storage.transactionSync(() => {
    if (applied === 0) {
      sql.exec('CREATE TABLE schema_steps (steps INTEGER NOT NULL) STRICT')
      sql.exec('INSERT INTO schema_steps (steps) VALUES (0)')
    }
    for (const step of STEPS.slice(applied)) sql.exec(step)
    sql.exec('UPDATE schema_steps SET steps = ?', STEPS.length)
  })
}

/** I8, whenever all is quiet: the alarm of each object is armed at or before whatever is due by what is on disk. */
import { HISTORY_DELAY_MS } from '../../../src/account/ledger.ts'
import { Violation } from '../judge.ts'
import type { ObjectHost } from './object-host.ts'

const DUE = `SELECT min(due) AS due FROM (
  SELECT min(expires_at) AS due FROM reservations WHERE state = 'held'
  UNION ALL SELECT min(expires_at) FROM grants WHERE live = 1 AND free > 0
  UNION ALL SELECT min(due_at) FROM inbox
  UNION ALL SELECT 0 FROM learning WHERE learned_to < (SELECT ifnull(max(seq), 0) FROM entries)
  UNION ALL SELECT retry_at FROM outbox WHERE drained_to < (SELECT ifnull(max(seq), 0) FROM entries) OR described = 0
)`

export class AlarmWatch {
  /** The commit after which the alarm was last looked at. */
  readonly #lookedAt = new Map<ObjectHost, number>()

  look(host: ObjectHost): void {
    const { commits } = host.disk
    if (!host.isOpen || host.isInAlarm || this.#lookedAt.get(host) === commits) return
    this.#lookedAt.set(host, commits)
    alarmIsArmed(host)
  }
}

/** One that the runtime has lost is brought back by a request. */
function alarmIsArmed({ id, disk, armedBeforeJump }: ObjectHost): void {
  if (disk.commits === 0 || disk.isInTurn) return
  const due = disk.read(DUE)[0]?.['due']
  if (typeof due !== 'number') return
  const { alarmAt } = disk
  if (alarmAt !== null && alarmAt === armedBeforeJump) return
  if (alarmAt === null || alarmAt > Math.max(due, Date.now() + HISTORY_DELAY_MS)) {
    throw new Violation(`I8: at ${Date.now()} the alarm of ${id} is armed for ${alarmAt}, and ${due} is due`)
  }
}

/** The judge of the crash rounds, before systems that break each promise in one place: a test of the test. */
import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../dev/crash/api.ts'
import { ABSENT, after, type Command, type Effect, effectOf, type Thing } from '../../../dev/crash/command.ts'
import { History } from '../../../dev/crash/history.ts'
import { judgeAtRest, judgeAtRestart, type SeenAccount, type SeenEntry } from '../../../dev/crash/judge.ts'

const PAID: Effect = { kind: 'grant', id: 'purchase:p', available: 500, reserved: 0 }

/** A system that does what it is told, in memory; tests break it. */
class System {
  readonly history = new History()
  readonly things = new Map<string, Thing>()
  readonly entries: SeenEntry[] = []

  /** Does the command, or does not; and answers, or does not. */
  take(command: Command, { isDone = true, isAnswered = true } = {}): void {
    const sent = this.history.add(0, command)
    const isFresh = isDone && this.apply(command)
    sent.replies.push(isAnswered ? reply(isFresh) : null)
  }

  /** Whether it changed anything. */
  apply(command: Command): boolean {
    const before = this.things.get(command.id) ?? ABSENT
    const effect = effectOf(before, command)
    this.things.set(command.id, after(before, command))
    if (effect === null) return false
    const { kind, id, available, reserved } = effect
    const last = this.entries.at(-1)
    this.entries.push({
      ...{ seq: this.entries.length + 1, kind, available_delta: available, reserved_delta: reserved },
      ...{ available: (last?.available ?? 0) + available, reserved: (last?.reserved ?? 0) + reserved },
      ...(kind === 'grant' || kind === 'void_grant'
        ? { reservation: null, grants: [{ id }] }
        : { reservation: id, grants: [] }),
    })
    return true
  }

  /** Asks again what was not answered. */
  resolve(): void {
    for (const { command, replies } of this.history.unanswered()) replies.push(reply(this.apply(command)))
  }

  seen(changed: Partial<SeenAccount> = {}): SeenAccount {
    const last = this.entries.at(-1)
    const balance = { available: last?.available ?? 0, reserved: last?.reserved ?? 0, version: last?.seq ?? 0 }
    return { things: this.things, entries: this.entries, balance, paid: [], ...changed }
  }

  atRestart(): string[] {
    return judgeAtRestart(this.history, this.things, this.history.ids)
  }

  atRest(changed: Partial<SeenAccount> = {}): string[] {
    return judgeAtRest(this.history, this.seen(changed))
  }
}

function reply(isFresh: boolean): Reply {
  return { status: 200, isFresh, thing: null, text: '' }
}

function underLoad(): System {
  const system = new System()
  system.take({ op: 'grant', id: 'g', credits: 100 })
  system.take({ op: 'reserve', id: 'a', credits: 10 })
  system.take({ op: 'extend', id: 'a', credits: 15, accrued: 3 })
  system.take({ op: 'settle', id: 'a', credits: 12.5 })
  system.take({ op: 'reserve', id: 'b', credits: 20 })
  system.take({ op: 'grant', id: 'gone', credits: 7 })
  system.take({ op: 'void_grant', id: 'gone' })
  return system
}

describe('a system that keeps its promises', () => {
  it.each([true, false])('is believed, whether what it did not answer was done: %s', (isDone) => {
    const system = underLoad()
    system.take({ op: 'settle', id: 'b', credits: 5 }, { isDone, isAnswered: false })
    expect(system.atRestart()).toEqual([])
    system.resolve()
    expect(system.atRest()).toEqual([])
  })

  it('is believed about purchases that the books of Stripe have too', () => {
    const system = underLoad()
    system.apply({ op: 'grant', id: 'purchase:p', credits: 500 })
    expect(system.atRest({ paid: [PAID] })).toEqual([])
  })
})

describe('the judge notices that', () => {
  it('something acknowledged was not there after the restart', () => {
    const system = underLoad()
    system.take({ op: 'reserve', id: 'c', credits: 4 }, { isDone: false })
    expect(system.atRestart()).toEqual([expect.stringMatching(/^c is absent, but .* it is held, 4 credits/)])
    expect(system.atRest()).toContainEqual(expect.stringContaining('the ledger lacks 1 of: reserve c'))
  })

  it('a settle that was acknowledged is undone', () => {
    const system = underLoad()
    system.things.set('a', { state: 'held', credits: 15, accrued: 3, charged: 0 })
    expect(system.atRestart()).toEqual([expect.stringMatching(/^a is held, .* it is settled/)])
  })

  it('a gift that was voided is there again', () => {
    const system = underLoad()
    system.things.set('gone', { state: 'granted', credits: 7, accrued: 0, charged: 0 })
    expect(system.atRestart()).toEqual([expect.stringMatching(/^gone is granted, .* it is voided/)])
  })

  it('half of an unanswered command was done', () => {
    const system = underLoad()
    system.take({ op: 'extend', id: 'b', credits: 30, accrued: 7 }, { isDone: false, isAnswered: false })
    system.things.set('b', { state: 'held', credits: 30, accrued: 0, charged: 0 })
    expect(system.atRestart()).toEqual([expect.stringMatching(/^b is held, 30 credits, 0 accrued/)])
  })

  it('something is done twice', () => {
    const system = underLoad()
    system.take({ op: 'grant', id: 'twice', credits: 5 })
    system.things.delete('twice')
    system.apply({ op: 'grant', id: 'twice', credits: 5 })
    expect(system.atRest()).toEqual([expect.stringContaining('the ledger has 1 that nobody asked for: grant twice')])
  })

  it('it answers twice that it has just done it', () => {
    const system = underLoad()
    system.history.of('b')[0]?.replies.push(reply(true))
    expect(system.atRest()).toEqual(['reserve b of client 0 was done 2 times, by its answers'])
  })

  it('asking again by the id is refused, or not answered', () => {
    const system = underLoad()
    system.take({ op: 'release', id: 'b' }, { isAnswered: false })
    expect(system.atRest()).toContain('release b of client 0 has no answer')
    system.history.of('b')[1]?.replies.push({ ...reply(false), status: 409, text: 'conflict' })
    expect(system.atRest()).toContain('release b of client 0 was answered 409 conflict')
  })

  it('an entry is missing, another balance than its fold stands in one, or in the end', () => {
    const system = underLoad()
    const { entries } = system
    expect(system.atRest({ entries: entries.toSpliced(2, 1) })).toEqual([expect.stringContaining('entry 3 is missing')])
    const changed = entries.map((entry) => (entry.seq === 4 ? { ...entry, available: 1 } : entry))
    expect(system.atRest({ entries: changed })).toEqual([expect.stringContaining('entry 4 says 1 and')])
    const balance = { ...system.seen().balance, reserved: 0 }
    expect(system.atRest({ balance })).toEqual([expect.stringContaining('the balance is')])
  })

  it('a payment is granted twice, or not at all', () => {
    const system = underLoad()
    const paid = [PAID]
    expect(system.atRest({ paid })).toEqual([expect.stringContaining('lacks 1 of: grant purchase:p')])
    for (const _ of [1, 2]) {
      system.apply({ op: 'grant', id: 'purchase:p', credits: 500 })
      system.things.delete('purchase:p')
    }
    expect(system.atRest({ paid })).toEqual([expect.stringContaining('nobody asked for: grant purchase:p')])
  })
})

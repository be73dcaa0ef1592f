/** What every client sent and was answered, in its own order: the only thing that the judge believes. */
import type { Reply } from './api.ts'
import { ABSENT, after, type Command, type Effect, effectOf, type Thing } from './command.ts'

export interface Sent {
  readonly client: number
  readonly command: Command
  /** Of each time that it was sent; `null` for what was not answered. */
  readonly replies: (Reply | null)[]
}

export function isAnswered({ replies }: Sent): boolean {
  return replies.some((reply) => reply !== null)
}

/** One account's commands by the thing that they name, each list in the order in which its one client sent them. */
export class History {
  readonly #things = new Map<string, Sent[]>()
  readonly all: Sent[] = []

  add(client: number, command: Command): Sent {
    const sent: Sent = { client, command, replies: [] }
    this.all.push(sent)
    const { id } = command
    const before = this.#things.get(id)
    if (before === undefined) this.#things.set(id, [sent])
    else before.push(sent)
    return sent
  }

  get ids(): readonly string[] {
    return [...this.#things.keys()]
  }

  of(id: string): readonly Sent[] {
    return this.#things.get(id) ?? []
  }

  unanswered(): readonly Sent[] {
    return this.all.filter((sent) => !isAnswered(sent))
  }

  /** Once everything is answered. */
  now(id: string): Thing {
    return this.of(id).reduce((thing, { command }) => after(thing, command), ABSENT)
  }

  /** In which states a thing may be: what was acknowledged is done, and of what was not, a beginning. */
  permitted(id: string): readonly Thing[] {
    const sent = this.of(id)
    const acknowledged = sent.findLastIndex(isAnswered) + 1
    const states = [ABSENT]
    for (const { command } of sent) states.push(after(states.at(-1) ?? ABSENT, command))
    return states.slice(acknowledged)
  }

  /** What must stand in the ledger, each once, when everything is answered. */
  effects(): Effect[] {
    return this.ids.flatMap((id) => {
      const effects: Effect[] = []
      let thing = ABSENT
      for (const { command } of this.of(id)) {
        const effect = effectOf(thing, command)
        if (effect !== null) effects.push(effect)
        thing = after(thing, command)
      }
      return effects
    })
  }
}

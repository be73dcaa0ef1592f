/** One request of a client, from when it is sent to when it is answered, and all that it may be answered. */

/** What a part of it (a command of a batch, or its only one) may be answered: as the model has seen it decided. */
export type Permitted =
  | { readonly ok: true; readonly replayed: boolean; readonly thing: string; readonly balance: string }
  | { readonly ok: false; readonly code: string; readonly figures: Readonly<Record<string, unknown>> }

interface Part {
  readonly call: Call
  readonly number: number
}

/** By what crosses into the object, so that a decision finds the call that it is for. */
const parts = new WeakMap<object, Part>()

export class Call {
  readonly what: string
  readonly isCalm: boolean
  /** Whether the way to the object broke: then it may be answered that nobody is there. */
  mayBeAway = false
  readonly #permitted = new Map<number, Permitted[]>()

  constructor(what: string, isCalm: boolean) {
    this.what = what
    this.isCalm = isCalm
  }

  /** The way into the object is taken, perhaps not for the first time. */
  sent(method: string, args: readonly unknown[]): void {
    const [, asked] = args
    if (method === 'execute') this.#expect(asked, 0)
    if (method !== 'executeAll') return
    for (const [number, each] of (asked as unknown[]).entries()) this.#expect(each, number)
  }

  #expect(request: unknown, number: number): void {
    parts.set(keyOf(request as { readonly op: string }), { call: this, number })
  }

  permitted(number: number): readonly Permitted[] {
    return this.#permitted.get(number) ?? []
  }

  permit(number: number, answer: Permitted): void {
    this.#permitted.set(number, [...this.permitted(number), answer])
  }
}

export function partOf(command: { readonly op: string }): Part | undefined {
  return parts.get(keyOf(command))
}

/** Of a reservation the object makes a new command, which keeps only the body as it was sent. */
function keyOf(command: { readonly op: string; readonly request?: object }): object {
  return command.op === 'reserve' ? (command.request ?? command) : command
}

/**
 * What clients ask for, and what a command does to the thing that it names: known beforehand, because everything here
 * belongs to one client, nothing expires, and there are credits enough.
 */
export type ReservationCommand =
  | { readonly op: 'reserve'; readonly id: string; readonly credits: number }
  | { readonly op: 'extend'; readonly id: string; readonly credits: number; readonly accrued: number }
  | { readonly op: 'settle'; readonly id: string; readonly credits: number }
  | { readonly op: 'release'; readonly id: string }

export type GiftCommand =
  | { readonly op: 'grant'; readonly id: string; readonly credits: number }
  | { readonly op: 'void_grant'; readonly id: string }

export type Command = ReservationCommand | GiftCommand

/** Of a reservation or a grant, what commands change. */
export interface Thing {
  readonly state: 'absent' | 'held' | 'settled' | 'released' | 'granted' | 'voided'
  readonly credits: number
  readonly accrued: number
  readonly charged: number
}

export const ABSENT: Thing = { state: 'absent', credits: 0, accrued: 0, charged: 0 }

/** What moves in the ledger with a command that does something. */
export interface Effect {
  readonly kind: string
  readonly id: string
  readonly available: number
  readonly reserved: number
}

export function after(thing: Thing, command: Command): Thing {
  const isHeld = thing.state === 'held'
  switch (command.op) {
    case 'grant':
      return thing.state === 'absent' ? { ...ABSENT, state: 'granted', credits: command.credits } : thing
    case 'void_grant':
      return thing.state === 'granted' ? { ...thing, state: 'voided' } : thing
    case 'reserve':
      return thing.state === 'absent' ? { ...ABSENT, state: 'held', credits: command.credits } : thing
    case 'extend': {
      const [credits, accrued] = [Math.max(thing.credits, command.credits), Math.max(thing.accrued, command.accrued)]
      return isHeld ? { ...thing, credits, accrued } : thing
    }
    case 'settle':
      return isHeld ? { ...thing, state: 'settled', charged: command.credits } : thing
    case 'release':
      return isHeld ? { ...thing, state: 'released' } : thing
  }
}

/** `null` for what changes no balance. */
export function effectOf(before: Thing, command: Command): Effect | null {
  const now = after(before, command)
  const { id, op } = command
  if (now === before) return null
  const held = before.state === 'held' ? before.credits : 0
  switch (op) {
    case 'grant':
      return { kind: op, id, available: command.credits, reserved: 0 }
    // Nobody spends of a gift: whoever opened the account gave more, and that goes first.
    case 'void_grant':
      return { kind: op, id, available: -before.credits, reserved: 0 }
    case 'reserve':
    case 'extend': {
      const more = now.credits - held
      return more === 0 ? null : { kind: op, id, available: -more, reserved: more }
    }
    case 'settle':
      return { kind: 'settle', id, available: held - command.credits, reserved: -held }
    case 'release':
      return { kind: 'release', id, available: held, reserved: -held }
  }
}

export function sameThing(one: Thing, other: Thing): boolean {
  return describe(one) === describe(other)
}

export function describe({ state, credits, accrued, charged }: Thing): string {
  return state === 'absent' ? 'absent' : `${state}, ${credits} credits, ${accrued} accrued, ${charged} charged`
}

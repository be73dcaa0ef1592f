/** The one way in which the simulation says that two things differ. */

export function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: is ${show(actual)}, must be ${show(expected)}`)
}

function show(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

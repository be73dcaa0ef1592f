/** The body of a request: `a[b][0]=x` as the nested value that it stands for, still all text. */
import { invalid } from './refusal.ts'

export type Raw = string | RawObject
export interface RawObject {
  [name: string]: Raw
}

/** Deeper than any parameter of Stripe's. */
const MAX_DEPTH = 10
const MAX_FIELDS = 2_000

export function decodeForm(text: string): RawObject {
  const root: RawObject = Object.create(null)
  const fields = [...new URLSearchParams(text)]
  if (fields.length > MAX_FIELDS) throw invalid('Too many parameters.')
  for (const [name, value] of fields) put(root, path(name), value)
  return root
}

/** `a[b][]` is `a`, `b` and the next free number, which stays empty here. */
function path(name: string): string[] {
  const open = name.indexOf('[')
  if (open < 1) return [name]
  const inner = [...name.slice(open).matchAll(/\[([^[\]]*)\]/g)].map((match) => match[1] ?? '')
  if (inner.length >= MAX_DEPTH) throw invalid(`Invalid parameter name: ${name}`)
  return [name.slice(0, open), ...inner]
}

function put(root: RawObject, steps: readonly string[], value: string): void {
  let holder = root
  steps.forEach((given, depth) => {
    const step = given === '' ? String(Object.keys(holder).length) : given
    if (depth === steps.length - 1) {
      holder[step] = value
      return
    }
    const next = holder[step] ?? Object.create(null)
    if (typeof next === 'string') throw invalid(`Invalid parameter name: ${steps.join('.')}`)
    holder[step] = next
    holder = next
  })
}

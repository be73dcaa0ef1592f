/** Turns a decoded form into the typed parameters of a route, or refuses it as Stripe would. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Raw, RawObject } from './form.ts'
import { invalid, missingParam, type Refusal } from './refusal.ts'
import type { Requests, Route } from './requests.ts'
import { requestSchema, type Schema, type SchemaDocument } from './schema.ts'

const MAX_METADATA_KEYS = 50
const MAX_METADATA_KEY_LENGTH = 40
const MAX_METADATA_VALUE_LENGTH = 500

export type ReadParams = <R extends Route>(route: R, raw: RawObject) => Requests[R]

let reader: ReadParams | null = null

/** The same for every double of this process, as it knows of none of them: to compile the schema takes a second. */
export function paramsReader(): ReadParams {
  reader ??= newReader()
  return reader
}

function newReader(): ReadParams {
  const document = requestSchema()
  const routes = document.definitions['Requests']?.properties ?? {}
  const ajv = new Ajv({ strict: false }).addSchema(document, 'requests')
  const validators = new Map<Route, ValidateFunction>()
  return (route, raw) => {
    const pointer = encodeURIComponent(route.replaceAll('~', '~0').replaceAll('/', '~1'))
    const validate =
      validators.get(route) ?? ajv.compile({ $ref: `requests#/definitions/Requests/properties/${pointer}` })
    validators.set(route, validate)
    const params = coerce(document, routes[route] ?? {}, raw)
    if (!validate(params)) throw refusalOf(validate.errors ?? [], raw)
    checkMetadata(params)
    return params as Requests[typeof route]
  }
}

/** A form knows only text; what `true` or `12` means, the schema says. */
function coerce(document: SchemaDocument, schema: Schema, raw: Raw): unknown {
  const options = branches(document, schema)
  if (typeof raw === 'string') return coerceText(options, raw)
  const array = options.find((option) => option.type === 'array')
  const keys = Object.keys(raw)
  if (array?.items && keys.every((key) => /^\d+$/.test(key))) {
    const { items } = array
    return Object.values(raw).map((value) => coerce(document, items, value))
  }
  const object = options.find(({ type, properties = {}, additionalProperties }) => {
    return type === 'object' && (additionalProperties !== false || keys.every((key) => key in properties))
  })
  const known = object ?? options.find(({ type }) => type === 'object')
  const extra = typeof known?.additionalProperties === 'object' ? known.additionalProperties : {}
  const entries = Object.entries(raw)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, coerce(document, known?.properties?.[key] ?? extra, value)]),
  )
}

function coerceText(options: readonly Schema[], raw: string): unknown {
  const literal = options.some((option) => option.const === raw || option.enum?.includes(raw))
  const has = (type: string) =>
    options.some((option) => option.type === type && option.const === undefined && option.enum === undefined)
  if (literal || has('string')) return raw
  if (has('boolean') && (raw === 'true' || raw === 'false')) return raw === 'true'
  if (has('integer') && /^-?\d{1,15}$/.test(raw)) return Number(raw)
  return raw
}

/** The schema without references and unions. */
function branches(document: SchemaDocument, schema: Schema): readonly Schema[] {
  if (schema.$ref !== undefined) {
    const name = decodeURIComponent(schema.$ref.replace('#/definitions/', ''))
    return branches(document, document.definitions[name] ?? {})
  }
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((option) => branches(document, option))
  if (typeof schema.type === 'object') return schema.type.map((type) => ({ ...schema, type }))
  return [schema]
}

/** Of all that does not fit, what lies deepest says most: the rest are branches that were not meant. */
function refusalOf(errors: readonly ErrorObject[], raw: RawObject): Refusal {
  const rank = ({ keyword }: ErrorObject) =>
    ['additionalProperties', 'required', 'type', 'enum', 'const', 'not', 'anyOf'].indexOf(keyword)
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length
  const useful = errors.filter((error) => rank(error) >= 0)
  const [error] = useful.sort((a, b) => depth(b) - depth(a) || rank(a) - rank(b))
  if (error === undefined) return invalid('Invalid request.')
  const { keyword, params } = error
  const at = error.instancePath.split('/').slice(1)
  if (keyword === 'additionalProperties') {
    const param = bracketed([...at, String(params['additionalProperty'])])
    const note = 'The SDK has no such parameter, or the double does not cover it.'
    return invalid(`Received unknown parameter: ${param}. ${note}`, 'parameter_unknown', param)
  }
  if (keyword === 'required') return missingParam(bracketed([...at, String(params['missingProperty'])]))
  const param = bracketed(at)
  const value = at.reduce<Raw | undefined>((holder, key) => (typeof holder === 'object' ? holder[key] : holder), raw)
  if (params['type'] === 'integer') return invalid(`Invalid integer: ${value}`, 'parameter_invalid_integer', param)
  if (value === '') {
    return invalid(`You passed an empty string for '${param}'.`, 'parameter_invalid_empty', param)
  }
  return invalid(`Invalid ${param}: ${typeof value === 'string' ? value : 'wrong type'}`, undefined, param)
}

function bracketed(path: readonly string[]): string {
  const [first = '', ...rest] = path
  return first + rest.map((step) => `[${step}]`).join('')
}

/** The types cannot say it, but metadata has limits, and an id of ours that passed them would be cut off. */
function checkMetadata(params: unknown): void {
  if (typeof params !== 'object' || params === null) return
  for (const [name, value] of Object.entries(params)) {
    if (name !== 'metadata') checkMetadata(value)
    else checkPairs(Object.entries(value || {}))
  }
}

function checkPairs(pairs: readonly (readonly [string, unknown])[]): void {
  if (pairs.length > MAX_METADATA_KEYS) throw invalid(`Metadata may have up to ${MAX_METADATA_KEYS} keys.`)
  for (const [key, value] of pairs) {
    if (key.length > MAX_METADATA_KEY_LENGTH) {
      throw invalid(`Metadata keys have up to ${MAX_METADATA_KEY_LENGTH} characters.`, undefined, `metadata[${key}]`)
    }
    if (String(value).length > MAX_METADATA_VALUE_LENGTH) {
      const limit = `Metadata values have up to ${MAX_METADATA_VALUE_LENGTH} characters.`
      throw invalid(limit, undefined, `metadata[${key}]`)
    }
  }
}

/** JSON Schema, to read: fields in a table, types in a few words with links to the objects that they name. */
import type { FC } from 'hono/jsx'
import type { JsonSchema, OpenApi } from './openapi.ts'

export const Fields: FC<{ schema: JsonSchema }> = ({ schema }) => {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  const required = new Set((schema['required'] ?? []) as string[])
  if (properties.length === 0) return <p class="scopes">Any object.</p>
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {properties.map(([name, property]) => (
          <tr>
            <td>
              <code>{name}</code>
              {required.has(name) ? null : <span class="optional"> optional</span>}
            </td>
            <td>
              <TypeOf schema={property} />
            </td>
            <td>
              <Prose text={describe(property)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A schema in a few words, with a link where it is one of the objects. */
export const TypeOf: FC<{ schema: JsonSchema; quiet?: boolean }> = ({ schema, quiet = false }) => {
  const reference = schema['$ref']
  if (typeof reference === 'string') {
    const name = reference.split('/').at(-1) ?? ''
    return <a href={`#object-${name}`}>{name}</a>
  }
  const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined
  if (choices !== undefined) {
    return (
      <>
        {choices.map((choice, index) => (
          <>
            {index === 0 ? '' : ' or '}
            <TypeOf schema={choice} />
          </>
        ))}
      </>
    )
  }
  if (Array.isArray(schema['enum'])) return <>{schema['enum'].join(', ')}</>
  if (schema['type'] === 'array') {
    return (
      <>
        list of <TypeOf schema={(schema['items'] ?? {}) as JsonSchema} />
      </>
    )
  }
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  if (properties.length > 0) {
    return (
      <>
        {properties.map(([name, property], index) => (
          <>
            {index === 0 ? '{ ' : ', '}
            <code>{name}</code>: <TypeOf schema={property} />
          </>
        ))}
        {' }'}
      </>
    )
  }
  if (quiet) return null
  return <>{String(schema['format'] ?? schema['type'] ?? 'any')}</>
}

export const Description: FC<{ text: unknown }> = ({ text }) =>
  typeof text === 'string' ? (
    <p>
      <Prose text={text} />
    </p>
  ) : null

/** Text in which `backticks` mark code. */
export const Prose: FC<{ text: string }> = ({ text }) => (
  <>{text.split('`').map((piece, index) => (index % 2 === 1 ? <code>{piece}</code> : piece))}</>
)

export function describe(schema: JsonSchema): string {
  const { description, minimum, maximum, maxLength, default: preset } = schema
  const words: string[] = []
  if (typeof description === 'string') words.push(description)
  if (typeof minimum === 'number' && typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER) {
    words.push(`From ${minimum.toLocaleString('en-US')} to ${maximum.toLocaleString('en-US')}.`)
  }
  if (typeof maxLength === 'number') words.push(`At most ${maxLength} characters.`)
  if (preset !== undefined && typeof preset !== 'object') words.push(`Default: \`${preset}\`.`)
  return words.join(' ')
}

/** The schema itself where there is a reference to it. */
export function resolve(schema: JsonSchema, document: OpenApi): JsonSchema {
  const reference = schema['$ref']
  return typeof reference === 'string' ? (document.components.schemas[reference.split('/').at(-1) ?? ''] ?? {}) : schema
}

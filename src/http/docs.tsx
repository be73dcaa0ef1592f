/** `/docs`: the contract as a page to read, from the OpenAPI document alone. No script, nothing from elsewhere. */
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { FC } from 'hono/jsx'
import type { JsonSchema, OpenApi, Operation, Parameter } from './openapi.ts'
import { PROBLEMS } from './problems.ts'
import type { Http } from './route.ts'

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export async function documentation(context: Context<Http>, document: OpenApi): Promise<Response> {
  const response = await context.html(html`<!DOCTYPE html>${<Page document={document} />}`)
  response.headers.set('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  response.headers.set('Referrer-Policy', 'no-referrer')
  response.headers.set('Cache-Control', 'public, max-age=300')
  return response
}

const Page: FC<{ document: OpenApi }> = ({ document }) => {
  const operations = allOperations(document)
  const groups = [...new Set(operations.map((each) => each.operation.tags[0] ?? ''))]
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Assay Credits API</title>
        <link rel="stylesheet" href="/static/docs.css" />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the operations
        </a>
        <nav aria-label="Contents">
          <p class="brand">Assay Credits</p>
          {groups.map((group) => (
            <section>
              <h2>{group}</h2>
              <ul>
                {operations.filter(inGroup(group)).map(({ operation }) => (
                  <li>
                    <a href={`#${operation.operationId}`}>{operation.operationId}</a>
                  </li>
                ))}
              </ul>
            </section>
          ))}
          <section>
            <h2>Reference</h2>
            <ul>
              <li>
                <a href="#problems">Problems</a>
              </li>
              <li>
                <a href="#objects">Objects</a>
              </li>
            </ul>
          </section>
        </nav>
        <main id="main">
          <h1>API</h1>
          <Introduction />
          {groups.map((group) => (
            <section aria-label={group}>
              <h2 class="group">{group}</h2>
              {operations.filter(inGroup(group)).map((each) => (
                <OperationSection {...each} document={document} />
              ))}
            </section>
          ))}
          <Problems />
          <section id="objects">
            <h2 class="group">Objects</h2>
            {Object.entries(document.components.schemas).map(([name, schema]) => (
              <section id={`object-${name}`} class="card">
                <h3>{name}</h3>
                <Description text={schema['description']} />
                <Fields schema={schema} />
              </section>
            ))}
          </section>
        </main>
      </body>
    </html>
  )
}

const Introduction: FC = () => (
  <>
    <p>
      Reserve credits before a review, settle what it cost, release what it did not need. Send a key as{' '}
      <code>Authorization: Bearer …</code>. Bodies and answers are JSON. The machine-readable form of this page is{' '}
      <a href="/openapi.json">/openapi.json</a>.
    </p>
    <ul>
      <li>
        <strong>Credits</strong> are numbers with at most 3 decimals; 1 credit is $0.01 of AI API cost. Money is integer
        cents.
      </li>
      <li>
        <strong>Repeat any write.</strong> You choose the id; the same request under it happens once and a replay says{' '}
        <code>Idempotent-Replayed: true</code>. Another request under the same id is a <code>conflict</code>.
      </li>
      <li>
        <strong>Lists</strong> take <code>limit</code> and <code>cursor</code> and answer <code>next_cursor</code>.
      </li>
    </ul>
  </>
)

const OperationSection: FC<Located & { document: OpenApi }> = ({ method, path, operation, document }) => {
  const body = operation.requestBody?.content['application/json']?.schema
  return (
    <section id={operation.operationId} class="card">
      <h3>{operation.summary}</h3>
      <p class="call">
        <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{path}</code>
      </p>
      <Description text={operation.description} />
      <p class="scopes">
        {operation['x-scopes'] === 'public' ? 'No key needed.' : `Keys: ${operation['x-scopes'].join(', ')}.`}
      </p>
      <Parameters parameters={operation.parameters} />
      {body === undefined ? null : (
        <>
          <h4>Body</h4>
          <Fields schema={resolve(body, document)} />
        </>
      )}
      <h4>Answers</h4>
      <dl class="answers">
        {Object.entries(operation.responses).map(([status, response]) => (
          <>
            <dt>{status}</dt>
            <dd>
              {Number(status) >= 400 ? (
                <ProblemLinks codes={response.description} />
              ) : (
                <>
                  <Prose text={response.description} />{' '}
                  <TypeOf schema={Object.values(response.content ?? {})[0]?.schema ?? {}} quiet />
                </>
              )}
            </dd>
          </>
        ))}
      </dl>
    </section>
  )
}

/** The codes that a response's description lists, each with where it is explained. */
const ProblemLinks: FC<{ codes: string }> = ({ codes }) => (
  <>
    {codes.match(/\w+/g)?.map((code, index) => (
      <>
        {index === 0 ? '' : ', '}
        <a href={`#problem-${code}`}>
          <code>{code}</code>
        </a>
      </>
    ))}
  </>
)

const Parameters: FC<{ parameters: readonly Parameter[] }> = ({ parameters }) =>
  parameters.length === 0 ? null : (
    <>
      <h4>Parameters</h4>
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {parameters.map((parameter) => (
            <tr>
              <td>
                <code>{parameter.name}</code>
              </td>
              <td>
                <TypeOf schema={parameter.schema} />
              </td>
              <td>
                {parameter.in}
                {parameter.required ? ', required' : ''}{' '}
                <Prose text={parameter.description ?? describe(parameter.schema)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )

const Fields: FC<{ schema: JsonSchema }> = ({ schema }) => {
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

const Problems: FC = () => (
  <section id="problems">
    <h2 class="group">Problems</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">Code</th>
          <th scope="col">Status</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(PROBLEMS).map(([code, { status, title }]) => (
          <tr id={`problem-${code}`}>
            <td>
              <code>{code}</code>
            </td>
            <td>{status}</td>
            <td>{title}.</td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
)

/** A schema in a few words, with a link where it is one of the objects. */
const TypeOf: FC<{ schema: JsonSchema; quiet?: boolean }> = ({ schema, quiet = false }) => {
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

const Description: FC<{ text: unknown }> = ({ text }) =>
  typeof text === 'string' ? (
    <p>
      <Prose text={text} />
    </p>
  ) : null

/** Text in which `backticks` mark code. */
const Prose: FC<{ text: string }> = ({ text }) => (
  <>{text.split('`').map((piece, index) => (index % 2 === 1 ? <code>{piece}</code> : piece))}</>
)

function describe(schema: JsonSchema): string {
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

interface Located {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

function allOperations(document: OpenApi): Located[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
}

function inGroup(group: string) {
  return (each: Located) => each.operation.tags[0] === group
}

function resolve(schema: JsonSchema, document: OpenApi): JsonSchema {
  const reference = schema['$ref']
  return typeof reference === 'string' ? (document.components.schemas[reference.split('/').at(-1) ?? ''] ?? {}) : schema
}

/** `/docs`: the contract as a page to read, from the OpenAPI document alone. No script, nothing from elsewhere. */
import type { Context } from 'hono'
import { html } from 'hono/html'
import type { FC } from 'hono/jsx'
import { Description, describe, Fields, Prose, resolve, TypeOf } from './docs-schema.tsx'
import type { OpenApi, Operation, Parameter } from './openapi.ts'
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
              {'application/problem+json' in (response.content ?? {}) ? (
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

/** Many commands in one call and one commit, each with its own answer. */
import type * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { presentBalance } from '../../account/present.ts'
import type { Answer, LedgerAnswer, ReservationRequest } from '../../account/requests.ts'
import { BatchAnswer } from '../answers.ts'
import { toExtend, toRelease, toReserveRequest, toSettle } from '../commands.ts'
import { BatchBody, BatchCommand, ExtendBody, ReleaseBody, ReserveBody, SettleBody } from '../contract.ts'
import { presentReservation } from '../present.ts'
import { invalidBody, invalidRequest, type Problem, problem, refusalProblem } from '../problems.ts'
import { json, refusal } from '../respond.ts'
import { type Route, RUNNERS, route } from '../route.ts'

const MAX_BATCH_BYTES = 1024 * 1024

export const batchRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/accounts/:account/:verb{reservations:batch}',
    operation: 'batch',
    group: 'Reservations',
    summary: 'Up to 1,000 commands, one commit',
    description:
      'Each command is decided by itself, in order, and answered in its place with the status of its single call.',
    scopes: RUNNERS,
    body: BatchBody,
    maxBodyBytes: MAX_BATCH_BYTES,
    answers: { 200: { description: 'The answers, in the order of the commands.', schema: BatchAnswer } },
    async handle({ env, configuration, account, caller, body }) {
      const parse = (command: unknown) => parseCommand(command, account, configuration.signingSecrets)
      const parsed = await Promise.all(body.commands.map(parse))
      const requests = parsed.flatMap((each) => (each.ok ? [each.request] : []))
      const answer = await askAccount(env, account, (object) => object.executeAll(caller, requests))
      if (!answer.ok) return refusal(answer.refusal, account)
      const answers = answer.answers.values()
      const results = parsed.map((each) =>
        each.ok ? presentResult(each.request, answers.next().value, account) : failed(each.problem),
      )
      return json({ results, balance: presentBalance(answer.balance) })
    },
  }),
]

type Parsed =
  | { readonly ok: true; readonly request: ReservationRequest }
  | { readonly ok: false; readonly problem: Problem }

async function parseCommand(command: unknown, account: string, secrets: readonly string[]): Promise<Parsed> {
  const head = BatchCommand.safeParse(command)
  if (!head.success) return { ok: false, problem: invalidRequest(head.error) }
  const { op, id, ...fields } = head.data
  switch (op) {
    case 'reserve':
      if ('wait_seconds' in fields)
        return {
          ok: false,
          problem: problem('invalid_request', 'wait_seconds: a batch does not wait', {
            errors: [{ path: 'wait_seconds', message: 'a batch does not wait' }],
          }),
        }
      return parsed(ReserveBody.safeParse(fields), (body) => toReserveRequest(id, body, account, secrets))
    case 'settle':
      return parsed(SettleBody.safeParse(fields), (body) => toSettle(id, body))
    case 'release':
      return parsed(ReleaseBody.safeParse(fields), (body) => toRelease(id, body))
    case 'extend':
      return parsed(ExtendBody.safeParse(fields), (body) => toExtend(id, body))
  }
}

async function parsed<T>(
  result: z.ZodSafeParseResult<T>,
  toRequest: (body: T) => ReservationRequest | Promise<ReservationRequest>,
): Promise<Parsed> {
  return result.success
    ? { ok: true, request: await toRequest(result.data) }
    : { ok: false, problem: invalidBody(result.error) }
}

function presentResult(request: ReservationRequest, answer: Answer<LedgerAnswer> | undefined, account: string) {
  if (answer === undefined) throw new Error('the account answered fewer commands than it was asked')
  if (!answer.ok) return failed(refusalProblem(answer.refusal, account))
  const status = request.op === 'reserve' && !answer.replayed ? 201 : 200
  return { status, reservation: answer.reservation === null ? null : presentReservation(answer.reservation, account) }
}

function failed(reason: Problem) {
  return { status: reason.status, problem: reason }
}

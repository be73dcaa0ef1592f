/** The runners' way: reserve, heartbeat, settle or release. One RPC each. */
import { askAccount } from '../../account/client.ts'
import { presentBalance } from '../../account/present.ts'
import type { ReservationRequest } from '../../account/requests.ts'
import { listOf, Reservation, ReservationAnswer } from '../answers.ts'
import { toExtend, toRelease, toReserveRequest, toSettle } from '../commands.ts'
import { ExtendBody, ReleaseBody, ReservationsQuery, ReserveBody, SettleBody } from '../contract.ts'
import { fromCursor, NumberPosition, toCursor } from '../cursor.ts'
import { presentReservation } from '../present.ts'
import { problemResponse } from '../problems.ts'
import { json, refusal, written } from '../respond.ts'
import { type Call, EVERYONE, type Route, RUNNERS, route } from '../route.ts'

const PATH = '/v1/accounts/:account/reservations/:id'
const CLOSED = ['reservation_settled', 'reservation_released', 'reservation_expired'] as const
const DONE = { description: 'The reservation as it now is, and the balance.', schema: ReservationAnswer }

export const reservationRoutes: readonly Route[] = [
  route({
    method: 'put',
    path: PATH,
    operation: 'reserve',
    group: 'Reservations',
    summary: 'Hold credits for one review',
    description:
      'Name the credits, the facts of the review, or a quote. The id is yours: the same request under it may be sent again for ever and holds once. A quote serves one reservation: one that was refused, or answered by deduplication, has not used it; one that was released or has expired, has. It is judged when credits are held, so after the wait, if there is one. Any text that is no quote of ours is `forged`.',
    scopes: RUNNERS,
    body: ReserveBody,
    answers: { 201: DONE, 200: { ...DONE, description: 'A replay: the reservation as it now is.' } },
    problems: ['insufficient_credits', 'conflict', 'quote_invalid', 'limit_exceeded'],
    async handle(call) {
      const { id, body, account, configuration } = call
      const request = await toReserveRequest(id, body, account, configuration.signingSecrets)
      return write(call, request, 201, (body.wait_seconds ?? 0) * 1000)
    },
  }),
  route({
    method: 'post',
    path: `${PATH}/settle`,
    operation: 'settle',
    group: 'Reservations',
    summary: 'Charge what the review cost and return the rest',
    description: 'Accepted for 7 days after expiry too, as late: work that was done is not lost.',
    scopes: RUNNERS,
    body: SettleBody,
    answers: { 200: DONE },
    problems: [...CLOSED, 'limit_exceeded'],
    handle: (call) => write(call, toSettle(call.id, call.body), 200),
  }),
  route({
    method: 'post',
    path: `${PATH}/release`,
    operation: 'release',
    group: 'Reservations',
    summary: 'Return everything that is held',
    scopes: RUNNERS,
    body: ReleaseBody,
    answers: { 200: DONE },
    problems: ['reservation_settled'],
    handle: (call) => write(call, toRelease(call.id, call.body), 200),
  }),
  route({
    method: 'post',
    path: `${PATH}/extend`,
    operation: 'extend',
    group: 'Reservations',
    summary: 'A heartbeat: more time, a higher hold, what was spent so far',
    scopes: RUNNERS,
    body: ExtendBody,
    answers: { 200: DONE },
    problems: [...CLOSED, 'insufficient_credits', 'limit_exceeded'],
    handle: (call) => write(call, toExtend(call.id, call.body), 200),
  }),
  route({
    method: 'get',
    path: PATH,
    operation: 'getReservation',
    group: 'Reservations',
    summary: 'One reservation, under any of its names',
    scopes: EVERYONE,
    answers: { 200: { description: 'The reservation.', schema: Reservation } },
    async handle({ env, account, caller, id }) {
      const answer = await askAccount(env, account, (object) => object.reservation(caller, id))
      return answer.ok ? json(presentReservation(answer.reservation, account)) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/reservations',
    operation: 'listReservations',
    group: 'Reservations',
    summary: 'Reservations, newest first',
    description: 'A page of closed ones may be short, even empty, and yet have a next_cursor.',
    scopes: EVERYONE,
    query: ReservationsQuery,
    answers: { 200: { description: 'A page.', schema: listOf(Reservation) } },
    async handle({ env, account, caller, query }) {
      const cursor = fromCursor(query.cursor, NumberPosition)
      if (!cursor.ok) return problemResponse(cursor.problem)
      const page = { state: query.state ?? null, before: cursor.position, limit: query.limit }
      const answer = await askAccount(env, account, (object) => object.reservations(caller, page))
      if (!answer.ok) return refusal(answer.refusal, account)
      return json({
        data: answer.reservations.map((each) => presentReservation(each, account)),
        next_cursor: answer.next === null ? null : toCursor(answer.next),
      })
    },
  }),
]

async function write(
  { env, account, caller }: Pick<Call<unknown, unknown>, 'env' | 'account' | 'caller'>,
  request: ReservationRequest,
  made: 200 | 201,
  waitMs = 0,
): Promise<Response> {
  const answer = await askAccount(env, account, (object) => object.execute(caller, request, waitMs))
  if (!answer.ok) return refusal(answer.refusal, account)
  const { reservation, balance, replayed } = answer
  const body = {
    reservation: reservation === null ? null : presentReservation(reservation, account),
    balance: presentBalance(balance),
  }
  return written(body, replayed, made)
}

/** How an operator's backend lets a customer into the dashboard. */
import * as z from 'zod'
import { askAccount } from '../../account/client.ts'
import { presentTime } from '../../account/present.ts'
import { DashboardSessionBody } from '../contract.ts'
import { newPass } from '../passes.ts'
import { invalidField, problemResponse } from '../problems.ts'
import { json, refusal } from '../respond.ts'
import { OPERATORS, type Route, route } from '../route.ts'

export const dashboardSessionRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/accounts/:account/dashboard-sessions',
    operation: 'mintDashboardLink',
    group: 'Accounts',
    summary: 'A link into the dashboard, for one use within five minutes',
    scopes: OPERATORS,
    body: DashboardSessionBody,
    answers: {
      201: { description: 'The link.', schema: z.strictObject({ url: z.string(), expires_at: z.iso.datetime() }) },
    },
    async handle({ env, account, caller, body, context, configuration }) {
      // Written as every Location can carry it, whatever alphabet it came in.
      const returnUrl = body.return_url === undefined ? null : new URL(body.return_url)
      const ours = new URL(context.req.url)
      // A browser does not follow a form of ours from TLS to a page without, so nobody could log out.
      if (returnUrl?.protocol === 'http:' && ours.protocol === 'https:')
        return problemResponse(invalidField('return_url', 'is not https, as the dashboard is'))
      const { id, hash, pass } = await newPass('dashboard-link', account, configuration.signingSecrets)
      const request = { id, hash, returnUrl: returnUrl?.href ?? null }
      const answer = await askAccount(env, account, (object) => object.mintLink(caller, request))
      if (!answer.ok) return refusal(answer.refusal, account)
      const url = new URL(`/enter/${pass}`, ours).href
      return json({ url, expires_at: presentTime(answer.expiresAt) }, 201)
    },
  }),
]

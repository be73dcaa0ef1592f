/** What is sold, and what a review will probably cost. */
import { askAccount } from '../../account/client.ts'
import { estimate } from '../../catalog/estimates.ts'
import { PACKS } from '../../catalog/packs.ts'
import { quoteOf } from '../../catalog/quotes.ts'
import { TIERS } from '../../catalog/tiers.ts'
import { allOf, Estimate, EstimateAccuracy, Pack, Quote, Tier } from '../answers.ts'
import { toFacts } from '../commands.ts'
import { EstimateBody } from '../contract.ts'
import { presentAccuracy, presentEstimate, presentPack, presentQuote, presentTier } from '../present.ts'
import { newQuoteKey, quoteId } from '../quotes.ts'
import { json, refusal } from '../respond.ts'
import { OPERATORS, type Route, RUNNERS, route } from '../route.ts'

const CACHED = { 'Cache-Control': 'public, max-age=300' }

export const catalogRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/v1/tiers',
    operation: 'listTiers',
    group: 'Catalogue',
    summary: 'The kinds of review and what they cost',
    scopes: 'public',
    answers: { 200: { description: 'The rate card.', schema: allOf(Tier) } },
    handle: () => json({ data: Object.values(TIERS).map(presentTier) }, 200, CACHED),
  }),
  route({
    method: 'get',
    path: '/v1/packs',
    operation: 'listPacks',
    group: 'Catalogue',
    summary: 'The packs of credits on sale',
    scopes: 'public',
    answers: { 200: { description: 'From the smallest to the largest.', schema: allOf(Pack) } },
    handle: () => json({ data: PACKS.map(presentPack) }, 200, CACHED),
  }),
  route({
    method: 'post',
    path: '/v1/estimates',
    operation: 'estimate',
    group: 'Estimates',
    summary: 'What a review will probably cost',
    scopes: RUNNERS,
    body: EstimateBody,
    answers: { 200: { description: '`reserve` is what a reservation by these facts holds.', schema: Estimate } },
    handle: ({ body }) => json(presentEstimate(body.tier, estimate(toFacts(body)))),
  }),
  route({
    method: 'post',
    path: '/v1/accounts/:account/estimates',
    operation: 'estimateForAccount',
    group: 'Estimates',
    summary: 'What a review will probably cost this account',
    description: 'Follows what its own settled reviews did cost, per tier and `repository`.',
    scopes: RUNNERS,
    body: EstimateBody,
    answers: { 200: { description: '`reserve` is what a reservation by these facts holds.', schema: Estimate } },
    async handle({ env, account, caller, body }) {
      const answer = await askAccount(env, account, (object) => object.estimate(caller, toFacts(body)))
      return answer.ok ? json(presentEstimate(body.tier, answer.estimate)) : refusal(answer.refusal, account)
    },
  }),
  route({
    method: 'post',
    path: '/v1/accounts/:account/quotes',
    operation: 'quote',
    group: 'Estimates',
    summary: 'An estimate whose price is kept',
    description:
      'A review that is reserved with this quote is charged at most `max_credits`; what it costs beyond that is absorbed, whatever `overage` says. The quote is good for one reservation, for 24 hours. Asking for one stores nothing.',
    scopes: RUNNERS,
    body: EstimateBody,
    answers: { 201: { description: 'The quote; its id is what a reservation names.', schema: Quote } },
    async handle({ env, configuration, account, caller, body }) {
      const facts = toFacts(body)
      const answer = await askAccount(env, account, (object) => object.estimate(caller, facts))
      if (!answer.ok) return refusal(answer.refusal, account)
      const quote = quoteOf(account, facts, answer.estimate, answer.asOf, newQuoteKey())
      return json(presentQuote(await quoteId(quote, configuration.signingSecrets), quote), 201)
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/:account/estimates/accuracy',
    operation: 'getEstimateAccuracy',
    group: 'Estimates',
    summary: 'How well estimates did, with what the account taught them and without',
    description: 'Each settled review is judged by what was announced before it began, and before it teaches anything.',
    scopes: OPERATORS,
    answers: { 200: { description: 'A line per tier.', schema: EstimateAccuracy } },
    async handle({ env, account, caller }) {
      const answer = await askAccount(env, account, (object) => object.accuracy(caller))
      return answer.ok ? json(presentAccuracy(answer.report)) : refusal(answer.refusal, account)
    },
  }),
]

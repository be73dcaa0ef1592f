/** Webhook endpoints. The secret is shown once, when the endpoint is made. */
import type { Stripe } from 'stripe'
import { API_VERSION, type Desk, existing, mergeMetadata, newId, type Routes, seconds } from './desk.ts'
import { list } from './lists.ts'
import { invalid } from './refusal.ts'
import type { Requests } from './requests.ts'

export const webhookEndpointRoutes = {
  'POST /v1/webhook_endpoints': (desk, params) => newEndpoint(desk, params, newId('whsec')),
  'GET /v1/webhook_endpoints': (desk, params) => list(desk, 'webhook_endpoint', '/v1/webhook_endpoints', params),
  'GET /v1/webhook_endpoints/:id': (desk, _params, { id }) => existing(desk, 'webhook_endpoint', id),
  'POST /v1/webhook_endpoints/:id': (desk, params, { id }) => {
    const { description, disabled, enabled_events: events, metadata, url } = params
    const before = existing(desk, 'webhook_endpoint', id)
    const after: Stripe.WebhookEndpoint = {
      ...before,
      ...(description === undefined ? {} : { description: description || null }),
      ...(disabled === undefined ? {} : { status: disabled ? 'disabled' : 'enabled' }),
      ...(events === undefined ? {} : { enabled_events: events }),
      ...(url === undefined ? {} : { url: checkUrl(url) }),
      metadata: mergeMetadata(before.metadata, metadata),
    }
    desk.books.put(after)
    return after
  },
  'DELETE /v1/webhook_endpoints/:id': (desk, _params, { id }): Stripe.DeletedWebhookEndpoint => {
    existing(desk, 'webhook_endpoint', id)
    desk.books.remove(id)
    desk.books.removeNote('secret', id)
    return { id, object: 'webhook_endpoint', deleted: true }
  },
} satisfies Routes

export function newEndpoint(
  desk: Desk,
  params: Requests['POST /v1/webhook_endpoints'],
  secret: string,
): Stripe.WebhookEndpoint {
  const endpoint: Stripe.WebhookEndpoint = {
    id: newId('we'),
    object: 'webhook_endpoint',
    api_version: params.api_version ?? API_VERSION,
    application: null,
    created: seconds(desk),
    description: params.description || null,
    enabled_events: params.enabled_events,
    livemode: false,
    metadata: mergeMetadata(null, params.metadata),
    status: 'enabled',
    url: checkUrl(params.url),
  }
  desk.books.put(endpoint)
  desk.books.putNote('secret', endpoint.id, { secret })
  return { ...endpoint, secret }
}

function checkUrl(url: string): string {
  if (!/^https?:\/\/./.test(url))
    throw invalid('Invalid URL: An explicit scheme must be provided.', 'url_invalid', 'url')
  return url
}

// A certified OpenID provider (npm: oidc-provider) as authorization server for one resource, on a free loopback port.
// node authorization_server.mjs file:///.../oidc-provider/lib/index.js '{"resource": "http://...", "format": "opaque"}'
// Its first line on stdout is its issuer. Beside its own routes it answers under /_test/ what a test has to know.
import http from 'node:http';

const [library, text] = process.argv.slice(2);
const wanted = { format: 'opaque', ttl_s: 3600, registration: true, documents: {}, ...JSON.parse(text) };
const { default: Provider } = await import(library);

const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const asked = []; // what came to the endpoints, with what came of it
const counted = {}; // the provider's own events

// What is stored, in one table, so that a test may end what it likes.
const rows = new Map();
class Table {
  constructor(kind) { this.kind = kind; }
  key(id) { return `${this.kind}:${id}`; }
  async upsert(id, payload) { rows.set(this.key(id), payload); }
  async find(id) { return rows.get(this.key(id)); }
  async findByUid(uid) { return this.first((row) => row.uid === uid); }
  async findByUserCode(code) { return this.first((row) => row.userCode === code); }
  async consume(id) { rows.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { rows.delete(this.key(id)); }
  async revokeByGrantId(grant) { for (const [key, row] of rows) if (row.grantId === grant) rows.delete(key); }
  first(fits) { for (const [key, row] of rows) if (key.startsWith(`${this.kind}:`) && fits(row)) return row; }
}

const provider = new Provider(issuer, {
  adapter: Table,
  cookies: { keys: ['only for tests'] },
  clients: [{ client_id: 'resource', client_secret: 'resource', redirect_uris: [], response_types: [], grant_types: [] }],
  scopes: ['openid', 'offline_access', 'notes:read', 'notes:write'],
  pkce: { required: () => true },
  rotateRefreshToken: () => true, // by default only for clients without a secret
  ttl: {
    AccessToken: wanted.ttl_s, RefreshToken: 86400, AuthorizationCode: 60, Grant: 86400, Interaction: 600, Session: 86400,
  },
  // The provider fetches a client's metadata document over https only; the test's own are handed to it here.
  fetch: async (url, options) => {
    const found = wanted.documents[String(url)];
    asked.push({ route: 'document', url: String(url) });
    if (found) return new Response(JSON.stringify(found), { headers: { 'content-type': 'application/json' } });
    throw new Error(`no network in tests: ${url}`);
  },
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: wanted.registration },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    clientIdMetadataDocument: { enabled: Object.keys(wanted.documents).length > 0, ack: 'draft-02' },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== wanted.resource) throw new Error(`no such resource: ${resource}`);
        return {
          scope: 'notes:read notes:write',
          audience: resource,
          accessTokenFormat: wanted.format,
          accessTokenTTL: wanted.ttl_s,
          jwt: { sign: { alg: 'RS256' } },
        };
      },
      useGrantedResource: () => true,
    },
  },
});
provider.use(async (ctx, next) => {
  await next();
  const { route, params = {} } = ctx.oidc ?? {};
  if (!route) return;
  const { grant_type, resource, scope, code_challenge_method, client_id } = params;
  const error = ctx.body?.error;
  asked.push({ route, status: ctx.status, grant_type, resource, scope, code_challenge_method, client_id, error });
});
for (const event of ['grant.revoked', 'refresh_token.consumed', 'access_token.issued', 'server_error']) {
  provider.on(event, (...found) => {
    counted[event] = (counted[event] ?? 0) + 1;
    if (event === 'server_error') console.error(found[1]);
  });
}

function ended(kinds) {
  let count = 0;
  for (const key of [...rows.keys()]) if (kinds.some((kind) => key.startsWith(`${kind}:`))) count += rows.delete(key);
  return count;
}
const actions = {
  seen: () => ({ asked, counted, kinds: [...rows.keys()].map((key) => key.split(':')[0]) }),
  forget: () => { asked.length = 0; for (const key of Object.keys(counted)) delete counted[key]; return {}; },
  end_access: () => ended(['AccessToken']),
  end_grants: () => ended(['AccessToken', 'RefreshToken', 'Grant']),
  end_clients: () => ended(['Client']),
};
const handle = provider.callback();
server.on('request', (request, response) => {
  const action = actions[request.url.replace('/_test/', '')];
  if (!action) return handle(request, response);
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify(action()));
});
console.log(issuer);

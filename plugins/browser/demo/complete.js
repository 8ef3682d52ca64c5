// Completion of the filter: fields where one may stand, words where they follow a comparison.

const OPERATORS = ['==', '!=', '<', '<=', '>', '>=', 'in', 'contains', 'matches'];
const JOINERS = ['and', 'or', 'not', 'exists'];
const NETWORKS = ['@private', '@reserved', '@multicast', '@loopback', '@link-local', '@shared', '@documentation'];
const WORDS = {
  action: ['accept', 'reject', 'log', 'challenge'],
  direction: ['ingress', 'egress'],
  transport: ['tcp', 'udp', 'icmp'],
  provider: ['huawei', 'alibaba', 'baidu', 'aws'],
  kind: ['flow', 'access', 'attack', 'session'],
  log_status: ['ok', 'nodata', 'skipdata'],
};

/** What may stand at a place of an expression: its beginning, and the candidates. */
export function complete(expression, cursor, fields) {
  const before = expression.slice(0, cursor);
  // Nothing is completed inside a string.
  if ((before.replaceAll('\\"', '').match(/"/g) ?? []).length % 2 === 1) return { start: cursor, candidates: [] };
  const word = /[\w@.-]*$/.exec(before)[0];
  const start = cursor - word.length;
  const tokens = before.slice(0, start).match(/[\w@."-]+|==|!=|<=|>=|[<>(){},!]|&&|\|\|/g) ?? [];
  const [last, field] = [tokens.at(-1), tokens.at(-2)];
  let all;
  if (last === undefined || [...JOINERS, '(', '!', '&&', '||'].includes(last)) all = [...fields, 'extra.', 'not', 'exists'];
  else if (fields.includes(last)) all = OPERATORS;
  else if (last === 'in' || last === '{' || (last === ',' && tokens.includes('{'))) all = NETWORKS;
  else if (['==', '!='].includes(last)) all = WORDS[field] ?? [];
  else all = ['and', 'or'];
  const candidates = all.filter((one) => one.startsWith(word) && one !== word).slice(0, 8);
  return { start, candidates: word === '' && all === OPERATORS ? all : word === '' ? [] : candidates };
}

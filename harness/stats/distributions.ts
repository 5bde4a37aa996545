// The distributions that the statistics rest on, to 12 digits or more (11 at a million degrees of freedom): normal (error function by its series and its
// continued fraction, Abramowitz and Stegun 7.1.6 and 7.1.14), Student's t and the binomial through the regularised
// incomplete beta function (continued fraction, DLMF 8.17.22, by Lentz's method), quantiles by bisection of what is then
// exact, and the power of a t test by integrating the normal over the distribution of the standard deviation.

/** P(Z <= z). Lower tails keep their relative accuracy. NaN only for NaN. */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const upper = x < 2 ? (1 - erfSeries(x)) / 2 : erfcFraction(x) / 2; // P(Z > |z|)
  return z > 0 ? 1 - upper : upper;
}

/** The z with P(Z <= z) = p: -Infinity at 0, Infinity at 1. @throws RangeError outside [0, 1] */
export function normalQuantile(p: number): number {
  return quantile(p, normalCdf);
}

/** P(T <= t) with `df` > 0 degrees of freedom; Infinity: the normal. @throws RangeError for other degrees or NaN */
export function studentCdf(t: number, df: number): number {
  if (!(df > 0) || Number.isNaN(t)) throw new RangeError(`Cannot take Student's t: t ${t}, degrees of freedom ${df}`);
  if (df === Infinity) return normalCdf(t);
  const tail = t * t === Infinity ? 0 : incompleteBeta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

/** The t with P(T <= t) = p. @throws RangeError outside [0, 1], or for degrees that are not above 0 */
export function studentQuantile(p: number, df: number): number {
  return quantile(p, (t) => studentCdf(t, df));
}

/** P(X >= successes) of n independent trials. @throws RangeError for no probability or no counts */
export function binomialTail(successes: number, n: number, probability: number): number {
  if (!(probability >= 0 && probability <= 1) || !Number.isInteger(successes) || !Number.isInteger(n) || n < 0) {
    throw new RangeError(`Cannot take a binomial tail: ${successes} of ${n} at ${probability}`);
  }
  if (successes <= 0) return 1;
  if (successes > n) return 0;
  return incompleteBeta(probability, 1 - probability, successes, n - successes + 1);
}

/**
 * Power of a two-sided t test: P(|T| > t) of the noncentral t. `noncentrality` is the effect over its standard error.
 * @throws RangeError for degrees of freedom not above 0, or a level outside (0, 1)
 */
export function studentPower(noncentrality: number, df: number, level = 0.05): number {
  if (!(level > 0 && level < 1)) throw new RangeError(`Cannot tell the power: level ${level} must be in (0, 1)`);
  const critical = -studentQuantile(level / 2, df);
  const beyond = (s: number) => normalCdf(noncentrality - critical * s) + normalCdf(-noncentrality - critical * s);
  if (df === Infinity) return beyond(1);
  // s is the estimated standard deviation over the true one; in u = ln s its density is exp(df (u - s^2 / 2)), smooth
  // and fast to vanish, so that the plain sum over a grid converges exponentially and its weights norm themselves.
  const weight = (u: number) => Math.exp(df * (u - Math.expm1(2 * u) / 2));
  const step = 0.1 / Math.sqrt(df);
  let total = 1, hits = beyond(1);
  for (const direction of [-step, step]) {
    for (let i = 1; weight(i * direction) > 1e-18; i++) {
      total += weight(i * direction);
      hits += weight(i * direction) * beyond(Math.exp(i * direction));
    }
  }
  return hits / total;
}

/** The x with cdf(x) = p, for a cdf that is symmetric about 0: by bisection down to neighbouring doubles. */
function quantile(p: number, cdf: (x: number) => number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`Cannot take a quantile: ${p} must be in [0, 1]`);
  if (p === 0.5) return 0;
  if (p > 0.5) return -quantile(1 - p, cdf);
  if (p === 0) return -Infinity;
  let low = -1, high = 0; // cdf(low) <= p < cdf(high)
  while (cdf(low) > p) [low, high] = [low * 2, low];
  while (true) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (cdf(middle) > p) high = middle;
    else low = middle;
  }
}

function erfSeries(x: number): number {
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) sum += term *= 2 * x * x / (2 * n + 1);
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

/** erfc for x >= 2, by its continued fraction from the far end. */
function erfcFraction(x: number): number {
  let fraction = x;
  for (let n = 80; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** I_x(a, b); y = 1 - x is given too, because the difference would lose its digits. */
function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(y, x, b, a); // where the fraction converges fast
  // x^a y^b / B(a, b), with the large parts of Stirling's formula cancelled beforehand.
  const off = b * x - a * y; // x (a + b) = a + off, y (a + b) = b - off
  const front = Math.sqrt(a * b / (2 * Math.PI * (a + b))) * Math.exp(
    a * Math.log1p(off / a) + b * Math.log1p(-off / b) + stirlingError(a + b) - stirlingError(a) - stirlingError(b),
  );
  return front * betaFraction(x, a, b) / a;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let fraction = d;
  for (let m = 1; m <= 100_000; m++) {
    let change = 1;
    for (
      const numerator of [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ]
    ) {
      d = 1 + numerator * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + numerator / c;
      if (Math.abs(c) < tiny) c = tiny;
      change *= c * d;
    }
    fraction *= change;
    if (Math.abs(change - 1) < 1e-16) break;
  }
  return fraction;
}

/** ln Gamma(x) less Stirling's (x - 1/2) ln x - x + ln(2 pi) / 2. */
function stirlingError(x: number): number {
  if (x < 16) return stirlingError(x + 1) + (x + 0.5) * Math.log1p(1 / x) - 1;
  const square = x * x;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / x;
}

// The numbers of the dilation cell: pure functions, checked in the tests against PyTorch.
// s = {layers, kernel, cycle}; w = {residual, gate, skip, head, levels, mel, condition, hop, harmonics}, the widths of a WaveNet.

export const SAMPLE_RATE_HZ = 16000;

export const dilations = s => Array.from({length: s.layers}, (_, layer) => 2 ** (layer % s.cycle));

const sum = numbers => numbers.reduce((a, b) => a + b, 0);

// Samples that one output of the stack of dilated layers sees, itself included: 1 + (K - 1) * sum of d.
export const reach = s => 1 + (s.kernel - 1) * sum(dilations(s));

// The network's input layer is a causal convolution of the same kernel: K - 1 samples more.
export const networkReach = s => reach(s) + s.kernel - 1;

// Where the K taps of one convolution look, relative to its output. Not causal is PyTorch's padding="same".
export const taps = (kernel, dilation, causal) => {
  const span = (kernel - 1) * dilation;
  const last = causal ? 0 : span - Math.floor(span / 2);
  return Array.from({length: kernel}, (_, k) => last - span + k * dilation);
};

// The convolutions from the input to the output, as dilations.
export const convolutions = (s, inputConvolution) => [...(inputConvolution ? [1] : []), ...dilations(s)];

// What output 0 sees in every row: cone[0] are the inputs, the last row is the output itself. Offsets, ascending.
export const cone = (s, causal = true, inputConvolution = false) => {
  const rows = [[0]];
  for (const d of convolutions(s, inputConvolution).reverse()) {
    const seen = new Set();
    for (const offset of rows[0]) for (const tap of taps(s.kernel, d, causal)) seen.add(offset + tap);
    rows.unshift([...seen].sort((a, b) => a - b));
  }
  return rows;
};

// One gated layer: a convolution to the gate, then 1x1 convolutions to the residual path (not in the last) and the skip.
const layer = (w, kernel, last) => {
  const half = w.gate / 2;
  const products = kernel * w.residual * w.gate + (last ? 0 : half * w.residual) + half * w.skip;
  return {parameters: products + w.gate + (last ? w.skip : w.residual), products};
};

// L gated layers of one kernel: what is learned, and multiply-adds for each new sample.
export const stack = (w, layers, kernel) => {
  const inner = layer(w, kernel, false);
  const top = layer(w, kernel, true);
  return {
    layers, kernel,
    parameters: (layers - 1) * inner.parameters + top.parameters,
    products: (layers - 1) * inner.products + top.products,
  };
};

// Three ways to the same reach: dilated; undilated, layer upon layer; one convolution.
export const compare = (s, w) => ({
  dilated: stack(w, s.layers, s.kernel),
  plain: stack(w, sum(dilations(s)), s.kernel),
  single: stack(w, 1, reach(s)),
});

// The whole network; multiply-adds without the conditioning, which is computed once a frame.
export const network = (s, w) => {
  const body = stack(w, s.layers, s.kernel);
  const embedding = s.kernel * w.levels * w.residual;
  const head = w.skip * w.head + w.head * w.levels;
  // F0 off the mel (MelPitch: 64 channels, 140 bins and voicing), and its sines into every gate.
  const clock = !w.harmonics ? 0 :
    3 * 64 * (w.mel + 64) + 2 * 64 + 65 * 141 + (2 * w.harmonics + 1) * s.layers * w.gate;
  const conditioner = !w.mel ? 0 : clock +
    3 * w.condition * (w.mel + w.condition) + 2 * w.condition + (w.condition + 1) * s.layers * w.gate + 2 * w.hop;
  return {
    parameters: embedding + body.parameters + head + w.head + w.levels + conditioner,
    products: body.products + head,  // the embedding picks rows of a table: no products
  };
};

// "1 + 2 + … + 512", with a factor where the cycle repeats.
export const sumOfDilations = s => {
  const write = d => d.length > 5 ? `${d[0]} + ${d[1]} + … + ${d[d.length - 1]}` : d.join(' + ');
  const cycles = Math.floor(s.layers / s.cycle);
  const all = dilations(s);
  const rest = all.slice(cycles * s.cycle);
  const parts = [];
  if (cycles > 0) parts.push((cycles > 1 ? `${cycles} · ` : '') + `(${write(all.slice(0, s.cycle))})`);
  if (rest.length) parts.push(`(${write(rest)})`);
  return parts.length > 1 ? `[${parts.join(' + ')}]` : parts[0];
};

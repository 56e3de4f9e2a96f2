/** The usual Flask sample: a pickled scikit-learn model behind `POST /predict`, by itself and under gunicorn. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Layer } from './network-model.ts';

const PYTHON = '/usr/bin/python3';

const APPLICATION = `import pickle
import sys

import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)
with open("model.pkl", "rb") as file:
    model = pickle.load(file)


@app.route("/predict", methods=["POST"])
def predict():
    data = request.get_json(force=True)
    prediction = model.predict([np.array(data["features"])])
    return jsonify({"prediction": prediction.tolist()})


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
`;

const PICKLE = `import json
import pickle

import numpy as np
from sklearn.neural_network import MLPRegressor

with open("layers.json") as file:
    layers = json.load(file)
model = MLPRegressor(hidden_layer_sizes=[layer["outputs"] for layer in layers[:-1]], activation="relu")
model.coefs_ = [np.array(layer["weights"]).reshape(layer["inputs"], layer["outputs"]) for layer in layers]
model.intercepts_ = [np.array(layer["bias"]) for layer in layers]
model.n_layers_ = len(layers) + 1
model.n_outputs_ = layers[-1]["outputs"]
model.out_activation_ = "identity"
model.n_features_in_ = layers[0]["inputs"]
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
`;

/** What is missing for the sample, with how to get it; undefined when nothing is. */
export const missingForFlask = (): string | undefined => {
  const python = spawnSync(PYTHON, ['-c', 'import flask, sklearn']);
  const gunicorn = spawnSync('gunicorn', ['--version']);
  if (python.status === 0 && gunicorn.status === 0) return undefined;
  return 'python3-flask, python3-sklearn or gunicorn is missing (install: apt-get install python3-flask python3-sklearn gunicorn)';
};

export const writeFlaskSample = (folder: string, layers: readonly Layer[]): void => {
  writeFileSync(join(folder, 'app.py'), APPLICATION);
  writeFileSync(join(folder, 'pickle_model.py'), PICKLE);
  writeFileSync(join(folder, 'layers.json'), JSON.stringify(layers));
  const { status, stderr } = spawnSync(PYTHON, ['pickle_model.py'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the scikit-learn model could not be pickled: ${stderr}`);
};

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const START_MS = 30_000;

export class FlaskSample {
  readonly #folder: string;
  readonly #kind: 'flask' | 'gunicorn';
  #child: ChildProcess | undefined;
  port = 0;

  constructor(folder: string, kind: 'flask' | 'gunicorn') {
    this.#folder = folder;
    this.#kind = kind;
  }

  async start(): Promise<void> {
    this.port = await freePort();
    const address = `127.0.0.1:${this.port}`;
    const [program, args] =
      this.#kind === 'flask'
        ? [PYTHON, ['app.py', String(this.port)]]
        : ['gunicorn', ['--workers', '2', '--bind', address, 'app:app']];
    this.#child = spawn(program as string, args as string[], { cwd: this.#folder, stdio: 'ignore' });
    const endsAt = performance.now() + START_MS;
    for (;;) {
      const status = await fetch(`http://${address}/`).then(
        (response) => response.status,
        () => 0,
      );
      if (status > 0) return;
      if (performance.now() > endsAt || this.#child.exitCode !== null) throw new Error(`${this.#kind} did not start`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}

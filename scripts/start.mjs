/** `npm start [-- OPTIONS]`: the server and a fleet of simulated pumps; see `npm start -- --help`. */
import '../simulators/dist/start/main.js';

// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM and SIGUSR1 end an App gracefully. Signals are the process's, so this is the one thing here that is
// not an App's own: at most one App at a time, the first that asks, has them.
#pragma once

namespace remuda::app {

class App;

// Only signals that the program has left at their defaults are taken. Nothing happens when another App has
// them.
void take_signals(App& app);
void leave_signals(App& app);

}  // namespace remuda::app

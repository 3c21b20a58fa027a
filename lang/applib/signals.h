// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM and SIGUSR1 end Apps gracefully, all that ask for it. Signals are the process's, so this is the one
// thing here that is not an App's own: the list of those Apps.
#pragma once

namespace remuda::app {

class App;

// Only signals that the program has left at their defaults are taken; with the last App they go back there.
void take_signals(App& app);
// No handler touches the App afterwards. Nothing happens to one that has not taken them.
void leave_signals(App& app);

}  // namespace remuda::app

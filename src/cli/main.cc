// SPDX-License-Identifier: Apache-2.0
//
// The program. Everything that it can do is a command (command_line.h).
#include "cli/command_line.h"
#include "cli/serve.h"

int main(int count, char** arguments) {
  return remuda::cli::run(count, arguments, remuda::cli::serve, remuda::cli::Terminal(stdout, stderr));
}

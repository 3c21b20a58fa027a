// SPDX-License-Identifier: Apache-2.0
//
// `remuda config reference` and `remuda config show`.
#include "cli/commands.h"
#include "config/reference.h"

namespace remuda::cli {

int config_reference_command(ReferenceForm form, const Terminal& terminal) {
  const bool markdown = form == ReferenceForm::kMarkdown;
  terminal.print(markdown ? config::reference_markdown() : config::reference_json_schema());
  return kSuccess;
}

int config_show_command(const Source& source, const Terminal& terminal) {
  const auto config = load(source);
  if (!config) {
    terminal.report(config.error());
    return kFailure;
  }
  terminal.report(config->warnings);
  terminal.print(config::show(*config));
  return kSuccess;
}

}  // namespace remuda::cli

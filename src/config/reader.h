// SPDX-License-Identifier: Apache-2.0
//
// From the parsed file to records: each table and option is looked up in the option tables; unknown names,
// wrong types and ranges are said. What the values mean together is check.h's.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/option.h"
#include "config/tree.h"

namespace remuda::config {

struct Findings {
  std::vector<Diagnostic> diagnostics;
  std::set<std::string, std::less<>> spoiled;  // records with a mistake: what they lack is not said as well
};

void read_tree(const Node& root, Config& config, Findings& findings);

// One record of a table ("limits", "route[0]") from the members of a node.
void read_record(const Table& table, const Node& node, const std::string& name, void* record, Config& config,
                 Findings& findings);

}  // namespace remuda::config

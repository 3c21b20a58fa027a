// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "cli/shared_apps.h"

#include "cli/app_options.h"

namespace remuda::cli {

SharedApps::SharedApps(const config::Config& config) : pool(pool_options(config)) {
  for (size_t i = 0; i < config.apps.size(); ++i) {
    SharedApp& app = apps.emplace_back();
    switch (config.apps[i].model) {
      case config::AppModel::kPool: app.group = &pool.add(group_options(config, i)); break;
      case config::AppModel::kRemote:
        app.farm = std::make_unique<apps::remote::Farm>(farm_options(config, i));
        break;
      default:
        app.exec = std::make_unique<apps::ExecApp>(exec_options(config, i),
                                                   admission_limits(config.apps[i], config.workers));
    }
  }
}

}  // namespace remuda::cli

// SPDX-License-Identifier: Apache-2.0
//
// What the values of a configuration mean together and on this machine: names that refer to something,
// combinations that work, directories, users, rights, routes that can be reached. Also fills in what follows
// from other values.
//
// A check may be done again after a change (apply); what it fills in depends only on what was said.
#pragma once

#include "config/machine.h"
#include "config/reader.h"

namespace remuda::config {

class Checker {
 public:
  Checker(Config& config, const Machine& machine, Findings& findings)
      : config_(config), machine_(machine), findings_(findings) {}

  void check();

 private:
  // check.cc
  void check_server();
  void check_workers();
  void check_listeners();
  void check_logs();
  // check_apps.cc
  void check_app(App& app);
  void fill_in(App& app, const std::string& name);
  bool check_combination(const App& app, const std::string& name);  // whether it can run at all
  void check_programs(const App& app, const std::string& name);
  void check_runs(const App& app, const std::string& option, const Path& program,
                  std::string_view missing_hint);
  void check_directories(const App& app, const std::string& name);
  void check_belonging(const App& app, const std::string& name);
  void warn_of_unused_apps();
  // check_models.cc
  void check_scripts(const App& app, const std::string& name);
  void check_limits(const App& app, const std::string& name);
  void check_instances(const App& app, const std::string& name);
  void check_farm(const App& app, const std::string& name);
  void check_pool();
  // check_loaded.cc
  void check_loaded(const App& app, const std::string& name);
  void check_node_script(const App& app, const std::string& name);
  void check_listening(const App& app, const std::string& name);
  void fill_in_php(App& app, const std::string& name);
  void check_php(const App& app, const std::string& name);
  void check_settings(const App& app, const std::string& name);
  void check_loader(const App& app, const std::string& name);
  void check_entry_point(const App& app, const std::string& name);
  void check_source_is_kept(const Route& route, const std::string& name);
  // check_processes.cc
  void check_processes(const App& app, const std::string& name);
  void check_shares(const App& app, const std::string& name);
  void check_process_limit(const App& app, const std::string& option, Resource resource, uint64_t value);
  // check_confinement.cc
  void fill_in_confinement(App& app, const std::string& name);
  void check_confinement(const App& app, const std::string& name);
  void check_strict(const App& app, const std::string& name);
  void check_shown(const App& app, const std::string& option, const Path& path);
  void warn_of_what_only_strict_has(const App& app, const std::string& name);
  void check_network(const App& app, const std::string& name);
  void check_machine(const App& app, const std::string& name);
  // check_routes.cc
  void check_route(size_t index);
  void check_hosts(Route& route, const std::string& name);
  void check_path(const Route& route, const std::string& name);
  void check_methods(const Route& route, const std::string& name);
  void check_action(Route& route, const std::string& name);
  void check_app_action(Route& route, const std::string& name);
  void check_files_first(const Route& route, const std::string& name);
  void check_helpers(Route& route, const std::string& name);
  std::optional<size_t> find_app(const std::string& option, const Origin& fallback, const std::string& app);
  void check_role(const std::string& option, const Origin& fallback, const App& app, AppRole role);
  void check_belonging(const std::string& name);
  void check_files(Route& route, const std::string& name);
  void check_redirect(Route& route, const std::string& name);
  void check_reachable(size_t index);

  // An error or a warning at the place of an option, or at the fallback if the option was not said.
  void error(const std::string& option, const Origin& fallback, std::string what, std::string hint);
  void warn(const std::string& option, const Origin& fallback, std::string what, std::string hint);
  bool said(std::string_view option) const { return config_.origins.contains(option); }
  bool spoiled(std::string_view record) const { return findings_.spoiled.contains(record); }
  void check_directory(const std::string& option, const std::string& shown, const Origin& fallback,
                       const Path& path, const std::optional<Identity>& as, const std::string& user);
  std::optional<Identity> find_identity(const std::string& record, const Origin& fallback,
                                        const std::string& user, const std::string& group);

  Config& config_;
  const Machine& machine_;
  Findings& findings_;
};

// Whether this version runs applications of that type under that model.
bool is_available(AppType type, AppModel model);

// "route[3].path" is shown as "route.path": the number means nothing to who reads file and line.
std::string shown_name(std::string_view option);

}  // namespace remuda::config

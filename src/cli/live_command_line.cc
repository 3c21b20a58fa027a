// SPDX-License-Identifier: Apache-2.0
//
// One function for each command.
#include "cli/live_command_line.h"

namespace remuda::cli {
namespace {

constexpr const char* kServerGroup = "Which server";
constexpr const char* kCodes =
    "Exit code: 0 done, 1 refused or failed, 2 wrong command line, 3 no server answers.\n\n";

void add_app_name(CLI::App& command, std::string& app) {
  command.add_option("APP", app, "The application's name")
      ->type_name("")
      ->required()
      ->group("The application");
}

void add_status(CLI::App& app, LiveParsed& parsed, std::function<int()>& chosen, const Terminal& terminal) {
  CLI::App* command =
      app.add_subcommand("status", "What a server that runs does: applications, processes, queues");
  command->add_option("APP", parsed.app, "One application, with each of its requests. Without: all, shorter")
      ->type_name("")
      ->group("The application");
  auto* json = command->add_flag_callback(
                          "--json", [&parsed] { parsed.form = StatusForm::kJson; }, "As JSON")
                   ->group("Form");
  command
      ->add_flag_callback(
          "--metrics", [&parsed] { parsed.form = StatusForm::kMetrics; },
          "As metrics, in the text form of Prometheus")
      ->excludes(json)
      ->group("Form");
  add_reach(*command, parsed.reach);
  command->footer(std::string(kCodes) +
                  "Examples:\n"
                  "  remuda status -c /etc/remuda.toml         everything, a few lines for each application\n"
                  "  remuda status blog                        one application and all its requests\n"
                  "  remuda status --json | jq '.apps[].queue' for programs");
  command->final_callback([&] {
    chosen = [&] { return status_command(parsed.reach, {.app = parsed.app, .form = parsed.form}, terminal); };
  });
}

void add_top(CLI::App& app, LiveParsed& parsed, std::function<int()>& chosen, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("top", "The same as it changes, each second; q ends it");
  add_reach(*command, parsed.reach);
  command->footer(
      "Who uses most CPU stands first. When standard output is no terminal: one picture of one second.\n\n" +
      std::string(kCodes) + "Example:\n  remuda top -c /etc/remuda.toml");
  command->final_callback([&] { chosen = [&] { return top_command(parsed.reach, terminal); }; });
}

void add_restart(CLI::App& app, LiveParsed& parsed, std::function<int()>& chosen, const Terminal& terminal) {
  CLI::App* command =
      app.add_subcommand("restart", "Replace an application's processes, without losing a request");
  add_app_name(*command, parsed.app);
  add_reach(*command, parsed.reach);
  command->footer(
      "New processes must answer before old ones go, one after the other. If they do not, the old ones\n"
      "stay, what the new ones said is shown, and the exit code is 1.\n\n" +
      std::string(kCodes) + "Example:\n  remuda restart blog -c /etc/remuda.toml");
  command->final_callback(
      [&] { chosen = [&] { return restart_command(parsed.reach, parsed.app, terminal); }; });
}

int kill_one(const LiveParsed& parsed, const Terminal& terminal) {
  if (parsed.instance.empty() && parsed.request.empty()) {
    terminal.complain("remuda kill: say --instance PID or --request ID; see remuda kill --help");
    return kUsage;
  }
  const bool instance = !parsed.instance.empty();
  return kill_command(parsed.reach,
                      {.app = parsed.app,
                       .kind = instance ? "instance" : "request",
                       .number = instance ? parsed.instance : parsed.request},
                      terminal);
}

void add_kill(CLI::App& app, LiveParsed& parsed, std::function<int()>& chosen, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("kill", "End one process of an application, or one request");
  add_app_name(*command, parsed.app);
  auto* instance = command
                       ->add_option("--instance", parsed.instance,
                                    "The process with this number, TERM then KILL; it is replaced")
                       ->type_name("PID")
                       ->group("What to end, one of these");
  command
      ->add_option("--request", parsed.request,
                   "The request with this number, as status and the logs show it; its client gets 503")
      ->type_name("ID")
      ->excludes(instance)
      ->group("What to end, one of these");
  add_reach(*command, parsed.reach);
  command->footer(std::string(kCodes) +
                  "Examples:\n"
                  "  remuda kill blog --instance 4242\n"
                  "  remuda kill blog --request 00c0ffee00000001");
  command->final_callback([&] { chosen = [&] { return kill_one(parsed, terminal); }; });
}

void add_peer(CLI::App& app, LiveParsed& parsed, std::function<int()>& chosen, const Terminal& terminal) {
  CLI::App* command =
      app.add_subcommand("peer", "Change the peers of a farm while it runs, until the server ends");
  add_app_name(*command, parsed.peer.app);
  command
      ->add_option(
          "CHANGE", parsed.peer.change,
          "add: gets requests. drain: gets no new ones. restore: gets them again. remove: drains, and "
          "is forgotten")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"add", "drain", "restore", "remove"}))
      ->group("The application");
  command
      ->add_option("ADDRESS", parsed.peer.peer,
                   "As in the configuration: \"10.0.0.7:9000 weight=2\", unix:/run/php.sock")
      ->type_name("")
      ->required()
      ->group("The application");
  add_reach(*command, parsed.reach);
  command->footer(std::string(kCodes) +
                  "Examples:\n"
                  "  remuda peer shop drain 10.0.0.7:9000\n"
                  "  remuda peer shop add '10.0.0.9:9000 weight=2'");
  command->final_callback(
      [&] { chosen = [&] { return peer_command(parsed.reach, parsed.peer, terminal); }; });
}

}  // namespace

void add_reach(CLI::App& app, Reach& reach) {
  auto* socket = app.add_option("--socket", reach.socket, "Its status socket itself, without a configuration")
                     ->type_name("PATH")
                     ->group(kServerGroup);
  auto* file = app.add_option("-c,--config", reach.source.file,
                              "The configuration file that it was started with. Without FILE and DIR: "
                              "remuda.toml of the current directory, or else that directory")
                   ->type_name("FILE")
                   ->excludes(socket)
                   ->group(kServerGroup);
  app.add_option("-d,--directory", reach.source.directory, "The directory that it was started with")
      ->type_name("DIR")
      ->excludes(file)
      ->excludes(socket)
      ->group(kServerGroup);
}

void add_live_commands(CLI::App& app, LiveParsed& parsed, std::function<int()>& command,
                       const Terminal& terminal) {
  add_status(app, parsed, command, terminal);
  add_top(app, parsed, command, terminal);
  add_restart(app, parsed, command, terminal);
  add_kill(app, parsed, command, terminal);
  add_peer(app, parsed, command, terminal);
}

}  // namespace remuda::cli

// SPDX-License-Identifier: Apache-2.0
//
// The command line, with CLI11, whose exceptions end here.
#include "cli/command_line.h"

#include <fmt/format.h>

#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/live_command_line.h"
#include "cli/wrapped.h"
#include "config/suggest.h"

namespace remuda::cli {
namespace {

constexpr const char* kSourceGroup = "What to serve";

// Everything that the options fill, and the command that was chosen.
struct Parsed {
  Source source;
  Entry entry = Entry::kSupervisor;
  bool entry_only_printed = false;  // --print-config
  ExplainRequest request;
  AdviseRequest advise;
  ReferenceForm form = ReferenceForm::kMarkdown;
  LiveParsed live;
  std::function<int()> command;
};

// Help without the library's remarks on exclusion, in lines that a terminal of 100 columns shows whole.
class Formatter final : public CLI::Formatter {
 public:
  Formatter() { column_width(kColumn); }

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    const std::string name = option->get_name(is_positional, true);
    const std::string type = option->get_type_name();
    return is_positional || type.empty() || type == name ? name : fmt::format("{} {}", name, type);
  }
  std::string make_option_opts(const CLI::Option*) const override { return {}; }
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description(), kWidth);
  }

 private:
  static constexpr size_t kColumn = 34;
  static constexpr size_t kWidth = 100 - kColumn;
};

// The library leaves two empty lines between groups.
std::string without_gaps(std::string text) {
  for (size_t at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at))
    text.erase(at, 1);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

void add_override(CLI::App& app, Parsed& parsed, const std::string& flags, const std::string& option,
                  const std::string& text, const std::string& placeholder) {
  app.add_option_function<std::vector<std::string>>(
         flags,
         [&parsed, option](const std::vector<std::string>& values) {
           for (const std::string& value : values) parsed.source.overrides.push_back({option, value});
         },
         text)
      ->type_name(placeholder)
      ->expected(1)
      ->take_all()
      ->group("Instead of the configuration");
}

void add_set(CLI::App& app, Parsed& parsed) {
  app.add_option_function<std::vector<std::string>>(
         "-s,--set",
         [&parsed](const std::vector<std::string>& values) {
           for (const std::string& value : values) {
             const size_t equals = std::min(value.find('='), value.size());
             const std::string given = value.substr(std::min(equals + 1, value.size()));
             parsed.source.overrides.push_back({value.substr(0, equals), given});
           }
         },
         "Any option of the tables that stand once, such as timeouts.idle=5s")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all()
      ->group("Instead of the configuration");
}

void add_source(CLI::App& app, Parsed& parsed, const std::string& directory_flag) {
  auto* file = app.add_option("-c,--config", parsed.source.file, "Configuration file")
                   ->type_name("FILE")
                   ->group(kSourceGroup);
  app.add_option(
         directory_flag, parsed.source.directory,
         "Directory: the application in it (Python, Ruby, Perl, PHP, Node.js, or a FastCGI program) or its "
         "files, and programs in its cgi-bin as CGI; or a FastCGI program itself. Without DIR and FILE: "
         "remuda.toml of the current directory, or else that directory")
      ->type_name("DIR")
      ->excludes(file)
      ->group(kSourceGroup);
}

void add_serve(CLI::App& app, Parsed& parsed, const Serve& serve, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("serve", "Serve a directory, or what a configuration file says");
  add_source(*command, parsed, "DIR");
  add_override(*command, parsed, "-l,--listen", "listener.address",
               "Where to listen; may be repeated [127.0.0.1:8080]", "ADDR:PORT");
  add_override(*command, parsed, "--processes", "workers.processes", "Worker processes [1]", "N");
  add_override(*command, parsed, "--threads", "workers.threads",
               "Event loops in each process; 0: one per core [0]", "N");
  add_override(*command, parsed, "--connections", "workers.connections",
               "Connections at once in each event loop [20000]", "N");
  add_override(*command, parsed, "--start", "workers.start",
               "Start processes ahead, or one for each connection [ahead]", "ahead|per-connection");
  command
      ->add_flag_callback(
          "--dev", [&parsed] { parsed.source.overrides.push_back({"server.dev", "true"}); },
          "Error pages show why an application failed")
      ->group("Instead of the configuration");
  add_set(*command, parsed);
  command
      ->add_flag_callback(
          "--inetd", [&parsed] { parsed.entry = Entry::kInetd; },
          "Serve the one connection on standard input, for inetd and systemd's Accept=yes")
      ->excludes("--listen")
      ->group("How it is started");
  command
      ->add_flag_callback(
          "--print-config", [&parsed] { parsed.entry_only_printed = true; },
          "Print what was found and how it would be served, as a configuration file; start nothing")
      ->group("How it is started");
  command->footer(
      "Examples:\n"
      "  remuda serve                                 this directory, on http://127.0.0.1:8080\n"
      "  remuda serve shop --print-config             what is in shop, and how it would be run\n"
      "  remuda serve public --listen 0.0.0.0:80      another directory, for everybody\n"
      "  remuda serve -c /etc/remuda.toml             as the file says\n"
      "  remuda serve --processes 8 --threads 1 --connections 1     prefork\n\n"
      "Signals: TERM, QUIT and HUP stop gracefully, INT at once, USR1 opens the logs again.");
  command->final_callback([&] {
    parsed.command = [&] {
      return parsed.entry_only_printed ? print_config_command(parsed.source, terminal)
                                       : serve_command(parsed.source, parsed.entry, serve, terminal);
    };
  });
}

void add_check(CLI::App& app, Parsed& parsed, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("check", "Say all that is wrong with a configuration");
  add_source(*command, parsed, "DIR");
  command->footer(
      "Exit code: 0 when it is good, 1 when there are mistakes.\n\nExample:\n  remuda check -c "
      "/etc/remuda.toml");
  command->final_callback([&] { parsed.command = [&] { return check_command(parsed.source, terminal); }; });
}

void add_explain_app(CLI::App& explain, Parsed& parsed, const Terminal& terminal) {
  CLI::App* command =
      explain.add_subcommand("app", "How an application is set up, and what its size follows from");
  command->add_option("NAME", parsed.live.app, "The application's name")
      ->type_name("")
      ->required()
      ->group("The application");
  add_reach(*command, parsed.live.reach);
  command->footer("Example:\n  remuda explain app blog -c remuda.toml");
  command->final_callback([&] {
    parsed.command = [&] { return explain_app_command(parsed.live.reach, parsed.live.app, terminal); };
  });
}

void add_explain(CLI::App& app, Parsed& parsed, const Terminal& terminal) {
  CLI::App* command =
      app.add_subcommand("explain", "Which route answers a URL, and why; how an application is set up");
  command->add_option("URL", parsed.request.url, "A URL, or its path alone")
      ->type_name("")
      ->group("The request");
  command->add_option("-X,--method", parsed.request.method, "Method [GET]")
      ->type_name("M")
      ->group("The request");
  add_source(*command, parsed, "DIR");
  add_explain_app(*command, parsed, terminal);
  command->footer(
      "Nothing is sent.\n\nExamples:\n"
      "  remuda explain /docs/ -c remuda.toml\n"
      "  remuda explain http://example.org/git/x.git/info/refs --method POST\n"
      "  remuda explain app blog");
  command->final_callback([&parsed, command, &terminal] {
    if (!command->get_subcommands().empty()) return;
    parsed.command = [&] {
      if (!parsed.request.url.empty()) return explain_command(parsed.source, parsed.request, terminal);
      terminal.complain("remuda explain: URL is required; see remuda explain --help");
      return kUsage;
    };
  });
}

void add_advise_form(CLI::App& command, Parsed& parsed) {
  command.add_option("--html", parsed.advise.page, "Write the report as a page, too, with plots")
      ->type_name("FILE")
      ->group("Form");
  command.add_flag_callback(
             "--json", [&parsed] { parsed.advise.form = AdviceForm::kJson; }, "As JSON")
      ->group("Form");
}

void add_advise(CLI::App& app, Parsed& parsed, const Terminal& terminal) {
  constexpr const char* kGroup = "The requests";
  CLI::App* command =
      app.add_subcommand("advise", "Run an application under each model, and say which to choose");
  command->add_option("URL|APP", parsed.advise.asked, "A URL, its path alone, or the application's name")
      ->type_name("")
      ->required()
      ->group(kGroup);
  command->add_option("--path", parsed.advise.path, "With a name: what to ask [the path of its first route]")
      ->type_name("PATH")
      ->group(kGroup);
  command->add_option("--requests", parsed.advise.requests, "Under each model, in at most 10 seconds [300]")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000).description(""))
      ->group(kGroup);
  command->add_option("--concurrency", parsed.advise.at_once, "How many at once [one per core, 2 to 8]")
      ->type_name("N")
      ->check(CLI::Range(1, 256).description(""))
      ->group(kGroup);
  add_advise_form(*command, parsed);
  add_source(*command, parsed, "-d,--directory");
  command->footer(
      "For each model a private server is started and stopped; one that runs is not touched. The\n"
      "application really runs, by GET: ask what does no harm when it is done a thousand times.\n\n"
      "Exit code: 0 with advice, 1 when it answers under no model.\n\nExamples:\n"
      "  remuda advise /cgi-bin/report -c remuda.toml\n"
      "  remuda advise shop --path /products --html advice.html");
  command->final_callback(
      [&] { parsed.command = [&] { return advise_command(parsed.source, parsed.advise, terminal); }; });
}

void add_config(CLI::App& app, Parsed& parsed, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("config", "The options that there are, and their effective values");
  command->require_subcommand(1);
  CLI::App* reference = command->add_subcommand("reference", "Every option: type, default, range (Markdown)");
  reference->add_flag_callback(
      "--json", [&parsed] { parsed.form = ReferenceForm::kJsonSchema; }, "A JSON schema, for editors");
  reference->final_callback(
      [&] { parsed.command = [&] { return config_reference_command(parsed.form, terminal); }; });
  CLI::App* show =
      command->add_subcommand("show", "The effective configuration, and where each value was said");
  add_source(*show, parsed, "DIR");
  add_set(*show, parsed);
  show->final_callback(
      [&] { parsed.command = [&] { return config_show_command(parsed.source, terminal); }; });
}

void add_version(CLI::App& app, Parsed& parsed, const Terminal& terminal) {
  CLI::App* command = app.add_subcommand("version", "The version of this program");
  command->final_callback([&] { parsed.command = [&] { return version_command(terminal); }; });
}

// The innermost command that was named, and its full name.
std::pair<const CLI::App*, std::string> named_command(const CLI::App& app) {
  const CLI::App* command = &app;
  std::string name = "remuda";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  return {command, name};
}

// What could have been meant where something unknown stands.
std::string hint_for(const CLI::App& command, const std::string& unknown) {
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands({})) names.push_back(sub->get_name());
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = config::nearest(unknown.substr(0, unknown.find('=')), views);
  return near.empty() ? "" : fmt::format("did you mean {}? ", near);
}

int complain(const CLI::App& app, const CLI::ParseError& error, const Terminal& terminal) {
  const auto [command, name] = named_command(app);
  std::string what = error.what();
  std::string hint;
  const std::vector<std::string> remaining = app.remaining(true);
  if (!remaining.empty()) {
    const bool is_option = remaining.front().starts_with('-');
    const bool wants_command = command == &app || !command->get_subcommands({}).empty();
    what = fmt::format("{} {}",
                       is_option       ? "unknown option"
                       : wants_command ? "unknown command"
                                       : "unexpected argument",
                       remaining.front());
    hint = hint_for(*command, remaining.front());
  }
  terminal.complain(fmt::format("{}: {}; {}see {} --help", name, what, hint, name));
  return kUsage;
}

int parse_and_run(CLI::App& app, Parsed& parsed, int count, const char* const* arguments,
                  const Terminal& terminal) {
  try {
    app.parse(count, const_cast<char**>(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return complain(app, error, terminal);
    std::ostringstream text;  // help or version was asked for
    app.exit(error, text, text);
    terminal.print(without_gaps(text.str()));
    return kSuccess;
  }
  if (parsed.command) return parsed.command();
  const CLI::App* command = named_command(app).first;
  terminal.complain(without_gaps(command->help()));
  return kUsage;
}

}  // namespace

int run(int count, const char* const* arguments, const Serve& serve, const Terminal& terminal) {
  Parsed parsed;
  CLI::App app(
      "Remuda serves files and runs applications: CGI programs, pools of processes, farms of others.",
      "remuda");
  app.formatter(std::make_shared<Formatter>());
  app.set_version_flag("--version", version_line(), "The version of this program");
  app.set_help_flag("-h,--help", "This text");
  add_serve(app, parsed, serve, terminal);
  add_check(app, parsed, terminal);
  add_explain(app, parsed, terminal);
  add_advise(app, parsed, terminal);
  add_live_commands(app, parsed.live, parsed.command, terminal);
  add_config(app, parsed, terminal);
  add_version(app, parsed, terminal);
  app.footer(
      "Examples:\n"
      "  remuda serve                         this directory, on http://127.0.0.1:8080\n"
      "  remuda serve -c remuda.toml          as the file says\n"
      "  remuda check -c remuda.toml          what is wrong with the file\n"
      "  remuda explain /docs/ -c remuda.toml which rule answers, and why\n"
      "  remuda advise shop -c remuda.toml    which model suits an application, measured\n"
      "  remuda status -c remuda.toml         what the server that runs with it does\n\n"
      "remuda COMMAND --help says more.");
  return parse_and_run(app, parsed, count, arguments, terminal);
}

}  // namespace remuda::cli

// SPDX-License-Identifier: Apache-2.0
//
// Reading applications that a loader runs, of type wsgi and psgi: what follows from their directory, what
// they need, and what a directory is recognised as.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/fake_file.h"
#include "config/recognise.h"
#include "config/reference.h"

namespace remuda::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A machine with loaders, interpreters and a Django project in /site/shop.
FakeMachine furnished() {
  FakeMachine machine;
  machine.directories["/usr/lib/remuda"] = Access::kGood;
  machine.directories["/site/shop"] = Access::kGood;
  machine.programs["/usr/bin/python3"] = Access::kGood;
  machine.programs["/usr/bin/perl"] = Access::kGood;
  machine.texts["/usr/lib/remuda/python/remuda_wsgi.py"] = "";
  machine.texts["/usr/lib/remuda/perl/remuda_psgi.pl"] = "";
  machine.texts["/site/shop/manage.py"] = "";
  return machine;
}

std::string file(std::string_view lines) {
  return "[app.x]\n" + std::string(lines) + "\n[[route]]\napp = \"x\"\n";
}
const std::string kWsgi = "type = \"wsgi\"\nroot = \"shop\"\n";

App app_of(std::string_view lines, const FakeMachine& machine = furnished()) {
  const Config config = good(file(lines), machine);
  return config.apps.empty() ? App{} : config.apps[0];
}
std::vector<std::string> mistakes_of(std::string_view lines, const FakeMachine& machine = furnished()) {
  return mistakes(file(lines), machine);
}

TEST(Loaded, FollowsFromItsDirectory) {
  const App app = app_of(kWsgi);
  EXPECT_EQ(app.model, AppModel::kPool);
  EXPECT_EQ(app.interpreter.text, "/usr/bin/python3");
  EXPECT_EQ(app.instances.concurrency, 1U);
  EXPECT_TRUE(app.preloaded.enabled);
  EXPECT_EQ(app.preloaded.idle_timeout, Duration{}) << "it has to see that files change";
  EXPECT_EQ(app_of(kWsgi + "threads = 4").instances.concurrency, 4U);
  EXPECT_EQ(app_of(kWsgi + "model = \"fork\"").preloaded.idle_timeout, std::chrono::minutes(10));
  EXPECT_FALSE(app_of(kWsgi + "model = \"fork\"").request_buffering);
  const App told =
      app_of(kWsgi +
             "template = { enabled = false, reload = \"manual\", idle_timeout = \"1m\" }\ninstances.max = 2");
  EXPECT_FALSE(told.preloaded.enabled);
  EXPECT_EQ(told.preloaded.reload, Reload::kManual);
  EXPECT_EQ(told.preloaded.idle_timeout, std::chrono::minutes(1));
}

TEST(Loaded, UsesTheVirtualEnvironmentOfItsDirectory) {
  FakeMachine machine = furnished();
  machine.programs["/site/shop/venv/bin/python3"] = Access::kGood;
  EXPECT_EQ(app_of(kWsgi, machine).interpreter.text, "/site/shop/venv/bin/python3");
  machine.programs["/site/shop/.venv/bin/python3"] = Access::kGood;
  EXPECT_EQ(app_of(kWsgi, machine).interpreter.text, "/site/shop/.venv/bin/python3");
  EXPECT_EQ(app_of(kWsgi + "interpreter = \"/usr/bin/python3\"", machine).interpreter.text,
            "/usr/bin/python3");
}

TEST(Loaded, NeedsSomethingToLoad) {
  EXPECT_THAT(mistakes_of("type = \"wsgi\""),
              ElementsAre("r.toml:1:1: app.x: has no root; root = \"DIRECTORY\" of the application, where it "
                          "runs"));
  EXPECT_THAT(
      mistakes_of("type = \"wsgi\"\nroot = \"public\""),
      ElementsAre("r.toml:3:8: app.x.root: \"/site/public\" holds no WSGI application: no manage.py, wsgi.py "
                  "or app.py; say which: entry_point = \"MODULE:CALLABLE\" or \"FILE\""));
  EXPECT_THAT(mistakes_of("type = \"wsgi\"\nroot = \"public\"\nentry_point = \"shop.wsgi:application\""),
              ElementsAre("(none)"))
      << "the interpreter alone knows where its modules are";
  EXPECT_THAT(mistakes_of(kWsgi + "entry_point = \"web/main.py\""),
              ElementsAre("r.toml:4:15: app.x.entry_point: \"/site/shop/web/main.py\" does not exist; a path "
                          "begins at root"));
  EXPECT_THAT(
      mistakes_of("type = \"psgi\"\nroot = \"shop\""),
      ElementsAre("r.toml:3:8: app.x.root: \"/site/shop\" holds no PSGI application: no app.psgi; say "
                  "which: entry_point = \"FILE\""));
}

TEST(Loaded, NeedsItsInterpreterAndItsLoader) {
  FakeMachine machine = furnished();
  machine.texts.erase("/usr/lib/remuda/python/remuda_wsgi.py");
  EXPECT_THAT(mistakes_of(kWsgi, machine),
              ElementsAre("r.toml:2:8: app.x: the loader \"/usr/lib/remuda/python/remuda_wsgi.py\" does not "
                          "exist; install all of Remuda, or say where its lib/remuda is: server.loaders = "
                          "\"DIRECTORY\""));
  machine = furnished();
  machine.programs.erase("/usr/bin/python3");
  EXPECT_THAT(mistakes_of(kWsgi, machine),
              ElementsAre("r.toml:1:1: app.x.interpreter: \"/usr/bin/python3\" does not exist; install "
                          "python3, or name another interpreter"));
  machine.programs["/site/shop/python"] = Access::kDenied;
  EXPECT_THAT(mistakes_of(kWsgi + "interpreter = \"shop/python\"", machine),
              ElementsAre("r.toml:4:15: app.x.interpreter: \"/site/shop/python\" may not be executed; chmod "
                          "+x /site/shop/python"));
  machine.directories.erase("/usr/lib/remuda");
  EXPECT_THAT(mistakes_of("model = \"fork\"\nprogram = \"hello\"", machine),
              ElementsAre(HasSubstr("app.x: the loaders' directory \"/usr/lib/remuda\" does not exist")));
}

TEST(Loaded, SourceIsNoFileOfTheSite) {
  const auto with_files = [](std::string_view files) {
    return mistakes("[app.x]\n" + kWsgi + "[[route]]\napp = \"x\"\nfiles = \"" + std::string(files) + "\"\n",
                    furnished());
  };
  EXPECT_THAT(with_files("public"), ElementsAre("(none)"));
  for (const std::string_view files : {"shop", "."}) {
    EXPECT_THAT(with_files(files),
                ElementsAre("r.toml:6:9: route.files: would send the source of app.x, which is in "
                            "\"/site/shop\"; give what is public a directory of its own, below root or "
                            "elsewhere"));
  }
}

TEST(Loaded, SaysWhatMeansNothing) {
  const Config config =
      good(file(kWsgi + "model = \"fork\"\nprogram = \"hello\"\nthreads = 2\ntemplate.enabled = true"),
           furnished());
  std::vector<std::string> texts;
  for (const Diagnostic& warning : config.warnings) texts.push_back(to_string(warning));
  EXPECT_THAT(texts, ElementsAre(HasSubstr("app.x.program: means nothing with type \"wsgi\""),
                                 HasSubstr("app.x.threads: means nothing with model \"fork\""),
                                 HasSubstr("app.x.template.enabled: means nothing with model \"fork\"")));
}

TEST(Loaded, SettingsOfPhpAreLinesOfPhpIni) {
  FakeMachine machine = furnished();
  machine.programs["/usr/lib/remuda/php/remuda-php"] = Access::kGood;
  machine.programs["/usr/bin/php-cgi"] = Access::kGood;
  const std::string php = "type = \"php\"\nroot = \"public\"\n";
  const std::string ini = "ini = { memory_limit = \"256M\", \"session.name\" = \"S\" }\n";
  EXPECT_THAT(good(file(php + ini), machine).apps[0].ini,
              ElementsAre(std::pair("memory_limit", "256M"), std::pair("session.name", "S")));
  EXPECT_THAT(mistakes_of(php + "ini = { \"a b\" = \"\", c = \"d\\ne\" }", machine),
              ElementsAre(HasSubstr("app.x.ini: \"a b\" is not the name of a setting"),
                          HasSubstr("app.x.ini: c has more than one line")));
  const Config other = good(file(php + ini + "program = \"/usr/bin/php-cgi\""), machine);
  ASSERT_EQ(other.warnings.size(), 1U);
  EXPECT_THAT(to_string(other.warnings[0]), HasSubstr("scripts that /usr/bin/php-cgi runs can change these"));
}

TEST(Recognition, GoesByTheFilesOfADirectory) {
  FakeMachine machine = furnished();
  EXPECT_EQ(recognise("/site/shop", machine)->what, "a Django project (manage.py)");
  EXPECT_FALSE(recognise("/site/public", machine));
  machine.texts["/site/public/app.py"] = "print('hello')\n  app = 3\n";
  EXPECT_FALSE(recognise("/site/public", machine)) << "it defines nothing that a server could call";
  machine.texts["/site/public/app.psgi"] = "sub {}";
  EXPECT_EQ(recognise("/site/public", machine)->type, AppType::kPsgi);
  machine.texts["/site/public/app.py"] = "import flask\napp = flask.Flask(__name__)\n";
  EXPECT_EQ(recognise("/site/public", machine)->what, "a WSGI application (app.py)");
}

TEST(Recognition, LooksForWhatNodeStarts) {
  FakeMachine machine = furnished();
  const auto what = [&machine] {
    const auto found = recognise("/site/public", machine);
    return found ? found->what : "nothing";
  };
  std::string& package = machine.texts["/site/public/package.json"];
  package = R"({"main": "lib.js", "scripts": {"start": "next start"}})";
  machine.texts["/site/public/lib.js"] = "module.exports = 1";
  machine.texts["/site/public/index.js"] = "document.addEventListener('x', f)";
  EXPECT_EQ(what(), "nothing") << "it is built with Node.js, and nothing in it listens";
  machine.texts["/site/public/app.js"] = "app.listen(3000)";
  EXPECT_EQ(what(), "a Node.js application (app.js)");
  machine.texts["/site/public/lib.js"] = "createServer(f).listen(80)";
  EXPECT_EQ(what(), "a Node.js application (lib.js)");
  machine.texts["/site/public/bin/www"] = "";
  for (const char* start : {"node ./bin/www", "node bin/www"}) {
    package = fmt::format(R"({{"main": "lib.js", "scripts": {{"start": "{}"}}}})", start);
    EXPECT_EQ(what(), "a Node.js application (bin/www)");
    EXPECT_EQ(recognise("/site/public", machine)->interpreter, "/usr/bin/node");
  }
  for (const char* text : {"{", "[]", "null"}) {
    package = text;
    EXPECT_EQ(what(), "nothing") << text;
  }
  package = R"({"main": 3, "scripts": []})";
  EXPECT_EQ(what(), "a Node.js application (app.js)");
}

TEST(Recognition, ServesAnApplicationOfNode) {
  FakeMachine machine = furnished();
  machine.texts["/site/public/server.js"] = "http.createServer(f).listen(80)";
  const auto missing = for_directory("/site/public", machine);
  ASSERT_FALSE(missing);
  EXPECT_THAT(to_string(missing.error().front()), HasSubstr("install nodejs"));
  machine.programs["/usr/bin/node"] = Access::kGood;
  machine.texts["/usr/lib/remuda/node/remuda_http.cjs"] = "";
  const auto site = for_directory("/site/public", machine);
  ASSERT_TRUE(site) << to_string(site.error().front());
  EXPECT_EQ(site->apps[0].type, AppType::kHttp);
  EXPECT_EQ(site->apps[0].program.text, "/site/public/server.js");
  EXPECT_EQ(site->apps[0].directory.text, "/site/public");
  const auto again = read_text(show_said(*site), "r.toml", "/", machine);
  ASSERT_TRUE(again) << to_string(again.error().front());
  EXPECT_EQ(again->apps[0].program, site->apps[0].program);
}

TEST(Recognition, LooksForFastcgiPrograms) {
  FakeMachine machine = furnished();
  const auto add = [&machine](const std::string& file, std::string text) {
    machine.texts[file] = std::move(text);
    machine.programs[file] = Access::kGood;
  };
  add("/site/public/tool", "\177ELF and libc.so.6");
  add("/site/public/notes", "of libfcgi.so.0");
  EXPECT_FALSE(recognise("/site/public", machine));
  add("/site/public/hello", "\177ELF and libfcgi.so.0");
  EXPECT_EQ(recognise("/site/public", machine)->what, "a FastCGI program (hello)");
  EXPECT_EQ(recognise("/site/public/hello", machine)->program, "/site/public/hello");
  EXPECT_FALSE(recognise("/site/public/tool", machine));
  add("/site/public/app.fcgi", "#!/usr/bin/perl");
  const auto site = for_directory("/site/public", machine);
  ASSERT_TRUE(site) << to_string(site.error().front());
  EXPECT_EQ(site->recognised, "a FastCGI program (app.fcgi)");
  EXPECT_EQ(site->apps[0].model, AppModel::kPool);
  add("/site/public/b.fcgi", "#!/usr/bin/perl");
  const auto several = for_directory("/site/public", machine);
  ASSERT_FALSE(several);
  EXPECT_THAT(
      to_string(several.error().front()),
      HasSubstr("/site/public holds several FastCGI programs: app.fcgi, b.fcgi; name one, as in remuda serve "
                "/site/public/app.fcgi"));
  const auto one = for_directory("/site/public/b.fcgi", machine);
  ASSERT_TRUE(one) << to_string(one.error().front());
  EXPECT_EQ(one->apps[0].program.text, "/site/public/b.fcgi");
}

TEST(Recognition, MakesAConfigurationOfADirectory) {
  const auto config = for_directory("/site/shop", furnished());
  ASSERT_TRUE(config) << to_string(config.error().front());
  ASSERT_EQ(config->apps.size(), 1U);
  EXPECT_EQ(config->apps[0].type, AppType::kWsgi);
  EXPECT_EQ(config->recognised, "a Django project (manage.py)");
  const std::string said = show_said(*config);
  EXPECT_THAT(said, HasSubstr("[app.site]\ntype = \"wsgi\""));
  EXPECT_THAT(said, Not(HasSubstr("queue")));
  const auto again = read_text(said, "r.toml", "/", furnished());
  ASSERT_TRUE(again) << to_string(again.error().front());
  EXPECT_EQ(again->apps[0].root, config->apps[0].root);
}

TEST(Recognition, ServesAPhpSiteWithItsFiles) {
  FakeMachine machine = furnished();
  machine.texts["/usr/lib/remuda/php/remuda-php"] = "";
  machine.programs["/usr/lib/remuda/php/remuda-php"] = Access::kGood;
  machine.texts["/site/public/index.php"] = "<?php";
  const auto site = for_directory("/site/public", machine);
  ASSERT_TRUE(site) << to_string(site.error().front());
  EXPECT_EQ(site->recognised, "a PHP site (index.php)");
  EXPECT_EQ(site->routes[0].files.root.text, "/site/public");
  EXPECT_EQ(site->apps[0].program.text, "/usr/lib/remuda/php/remuda-php");
  EXPECT_EQ(site->apps[0].scripts, std::vector<std::string>{".php"});
  EXPECT_EQ(site->apps[0].fallback, "");
  machine.texts["/site/public/wp-settings.php"] = "<?php";
  const auto blog = for_directory("/site/public", machine);
  ASSERT_TRUE(blog) << to_string(blog.error().front());
  EXPECT_EQ(blog->apps[0].fallback, "/index.php");
  const auto again = read_text(show_said(*blog), "r.toml", "/", machine);
  ASSERT_TRUE(again) << to_string(again.error().front());
  EXPECT_EQ(again->apps[0].fallback, "/index.php");
}

}  // namespace
}  // namespace remuda::config

"""The command `mepassad`: runs the node, or one of the sub-commands that work on its files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mepassad import __version__, log
from mepassad.cli import check, doctor, init, passphrase, plugin, plugins, show
from mepassad.cli.echo import echo
from mepassad.cli.i18n import speak
from mepassad.cli.setting import Setting, config_path
from mepassad.errors import ConfigError, MepassaError
from mepassad.i18n import _
from mepassad.listening import in_words

FAILED, MISUSED, INTERRUPTED = 1, 2, 130  # exit codes: a node's error; a wrong command line or configuration; ctrl-C


class Commands(click.Group):
    """The built-in sub-commands, and those of plugins, which are loaded only when a built-in one does not answer."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for `--help`; without those of plugins if the configuration is wrong."""
        try:
            self._add_plugins_commands(ctx)
        except MepassaError as error:
            echo(error.sentence, err=True)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, a plugin's included."""
        if cmd_name not in self.commands:
            self._add_plugins_commands(ctx)
        return super().get_command(ctx, cmd_name)

    def _add_plugins_commands(self, ctx: click.Context) -> None:
        own = dict(self.commands)
        setting = ctx.obj or Setting(config_path(ctx.params.get("config"), os.environ))
        setting.plugins.manager.hook.register_commands(cli=self)
        self.commands.update(own)  # a plugin adds commands, it does not replace any


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    is_eager=True,  # so that `--help` shows the commands of the plugins that it names
    help="Configuration file. Default: $MEPASSAD_CONFIG, else /etc/mepassad/config.yaml, else built-in defaults.",
)
@click.option("--invite", is_flag=True, help="Print an invite at the start, also where there is no terminal.")
@click.version_option(__version__, prog_name="mepassad", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, invite: bool) -> None:
    """Run the mepassa node, or work on its files."""
    ctx.obj = Setting(config_path(config, os.environ))
    if ctx.invoked_subcommand is None:
        ctx.exit(run(ctx.obj, invite))


def run(setting: Setting, invite: bool) -> int:
    """Run the node until it is told to stop; the exit code. `invite`: print one also without a terminal."""
    loaded, enabled = setting.loaded, setting.plugins
    log.set_up(loaded.config.log.level, loaded.config.log.format)
    from mepassad import node  # the sub-commands need not wait for all that a node needs

    return node.run(loaded, enabled, invite=invite)


for command in (
    init.init,
    check.check_config,
    doctor.doctor,
    show.config,
    plugins.plugins,
    plugin.plugin,
    passphrase.passphrase,
):
    cli.add_command(command)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit. Every failure is a sentence on standard error."""
    sys.exit(_guarded(args))


def _guarded(args: Sequence[str] | None) -> int:
    try:
        speak(cli)
        return int(cli.main(args, prog_name="mepassad", standalone_mode=False) or 0)
    except click.Abort:
        echo(_("Interrupted."), err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigError as error:
        echo(error.sentence, err=True)
        return MISUSED
    except MepassaError as error:
        echo(in_words(error), err=True)
        return FAILED
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        echo(_("This is a bug in mepassad, please report it: {reason}").format(reason=reason), err=True)
        return FAILED

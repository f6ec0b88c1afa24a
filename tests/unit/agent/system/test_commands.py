"""Commands that end, do not end, or are missing: none of the last two counts as a success."""

from hacluster.agent.system.commands import run


async def test_a_command_gets_its_input_and_returns_its_output() -> None:
    assert await run("sh", "-c", "cat; exit 3", text="one\n") == (3, "one\n")


async def test_a_command_without_input_finds_its_end() -> None:
    assert await run("cat") == (0, "")


async def test_a_command_that_does_not_end_is_killed_and_has_no_exit_code() -> None:
    code, output = await run("sleep", "60", deadline=0.1)
    assert code is None and "0.1 s" in output


async def test_a_missing_command_is_an_error_and_no_exception() -> None:
    code, output = await run("hacluster-no-such-command")
    assert code == 127 and "not installed" in output

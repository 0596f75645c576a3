"""What was told first is not said any longer once something else has taken its place, however that was put."""

from __future__ import annotations

import pytest

from hippo_mem.awake import Awake
from hippo_mem.relational.changes import now_holds
from hippo_mem.relational.dates import asked_for, only_hour, parts

WHERE_KEY = "Where is the spare key?"


@pytest.mark.parametrize(
    ("first", "then", "asked", "told"),
    [
        # things that were moved, told in words that the map knows as well
        ("The spare key is under the mat.", "The spare key is now in the shed.", WHERE_KEY, "shed"),
        ("The spare key is in the shed.", "The spare key is under the mat.", WHERE_KEY, "under the mat"),
        ("The spare key is under the mat.", "I put the spare key in the shed.", WHERE_KEY, "shed"),
        ("The spare key is under the mat.", "The spare key was moved to the shed.", WHERE_KEY, "shed"),
        ("The spare key is in the hall.", "I moved the spare key from the hall to the shed.", WHERE_KEY, "shed"),
        ("The spare key is in the hall.", "I took the spare key and put it in my bag.", WHERE_KEY, "your bag"),
        ("The spare key is in the hall.", "I lent the spare key to Ben.", WHERE_KEY, None),  # wherever Ben is
        ("The lamp is next to the sofa.", "The lamp is now behind the piano.", "Where is the lamp?",
         "behind the piano"),
        ("The keys are in a bowl.", "I took the keys and put them in my bag.", "Where are the keys?", "your bag"),
        ("I lent my drill to Petra.", "Petra gave the drill back to me.", "Who has my drill?", "you"),
        ("I lent my drill to Petra.", "Petra returned the drill to me.", "Who has my drill?", "you"),
        # appointments
        ("The meeting is on Monday.", "The meeting was moved from Monday to Thursday.", "When is the meeting?",
         "Thursday"),
        ("The meeting is on Monday.", "They postponed the meeting to May 11.", "When is the meeting?", "May 11"),
        ("The visit is on Friday.", "The visit is at 3 pm.", "When is the visit?", "Friday at 3 pm"),
        ("The visit is on Friday.", "The visit is at 3 pm.", "What day is the visit?", "Friday"),
        ("The visit is on Friday at 3 pm.", "The visit was pushed back to 5 pm.", "When is the visit?",
         "Friday at 5 pm"),
        ("The visit is on Friday at 3 pm.", "I like tea.", "What time is the visit?", "3 pm"),
        ("The visit is on Friday.", "I like tea.", "What time is the visit?", None),
        # one for another
        ("Tom works at Siemens.", "Tom switched from Siemens to Bosch.", "Where does Tom work?", "Bosch"),
        ("I drink coffee at noon.", "I switched from coffee to tea.", "What do I drink at noon?", "tea"),
        ("I like coffee.", "I switched from coffee to tea.", "What do I like?", "coffee"),  # that is not what was said
        ("I drive a Fiat.", "I replaced my Fiat with a Volvo.", "What do I drive?", "Volvo"),
        ("Our vet is Dr. Weiss.", "We changed our vet from Dr. Weiss to Dr. Blum.", "Who is our vet?", "Dr. Blum"),
        ("Lisa is a nurse.", "Lisa became a doctor.", "What is Lisa's job?", "doctor"),
        ("Marta is married to Leo.", "Marta and Leo got divorced.", "Who is Marta married to?", None),
        ("We go to Dr. Weiss.", "We now go to Dr. Blum instead of Dr. Weiss.", "Which doctor do we go to?", "Dr. Blum"),
        ("Tom drinks coffee.", "Tom drinks tea instead of coffee now.", "What does Tom drink?", "tea"),
        # what was painted
        ("My bike is blue.", "I painted my bike red.", "What color is my bike?", "red"),
        ("My bike is blue.", "My bike is red now.", "What color is my bike?", "red"),
        ("Tom's hair is brown.", "Tom dyed his hair pale blue.", "What color is Tom's hair?", "pale blue"),
        ("The gate is green.", "The gate was painted white by Ida last week.", "What color is the gate?", "white"),
        ("The gate is green.", "The gate was painted white by Ida last week.", "Who painted the gate?", "Ida"),
        ("The flag is red and white.", "The pole is blue.", "Is the flag red?", "yes"),
        # one's own thing, spoken of as "the"
        ("My bike is blue.", "I painted the bike red.", "What color is my bike?", "red"),
        ("My laptop is in the office.", "The laptop is now in the kitchen.", "Where is my laptop?", "kitchen"),
        ("I keep my passport in the desk.", "I moved the passport to the safe.", "Where is the passport?", "safe"),
        ("My drill is in the shed.", "I lent the drill to Ben.", "Who has my drill?", "Ben"),
        ("My drill is in the shed.", "I like tea.", "Where is the drill?", "shed"),
        ("Tom's drill is in the shed.", "I like tea.", "Where is the drill?", None),  # whose it is was not asked
        ("My drill is in the shed.", "The drill of the baker is on the roof.", "Where is my drill?", "shed"),
        # an end
        ("My boss is Ana.", "I have no boss any more.", "Who is my boss?", None),
        ("My boss is Ana.", "I have no brother.", "Who is my boss?", "Ana"),
        ("Ben is dating Clara.", "Ben isn't seeing anybody any more.", "Who is Ben dating?", None),
        ("I work for Siemens.", "I don't have a job any more.", "Where do I work?", None),
        ("Clara is Ben's girlfriend.", "Ben broke up with Clara.", "Who is Ben's girlfriend?", None),
        ("My sister's boyfriend is Tom.", "My sister and Tom split up.", "Who is my sister's boyfriend?", None),
        ("Tom is married to Ann.", "Tom got divorced.", "Who is Ann married to?", None),
        ("I work at Siemens.", "I quit my job.", "Where do I work?", None),
        ("I work at Siemens.", "I retired last year.", "Where do I work?", None),
        ("I play tennis.", "I stopped playing tennis.", "Do I play tennis?", "no"),
        ("I'm learning Spanish.", "I gave up Spanish.", "Am I learning Spanish?", "no"),
        ("I have Netflix.", "I cancelled Netflix.", "Do I have Netflix?", "no"),
        ("The concert is on Saturday.", "The concert was cancelled.", "When is the concert?", None),
        # what was, asked later
        ("I have a boat.", "I sold the boat.", "Did I have a boat?", "yes"),
        ("Hugo lives in Paris.", "Hugo no longer lives in Paris.", "Did Hugo live in Paris?", "yes"),
        ("Grace lived in Boston.", "Grace moved to Denver.", "Did Grace ever live in Boston?", "yes"),
        ("I like tea.", "Grace used to live in Boston.", "Did Grace live in Boston?", None),
        ("I like tea.", "Tom did not buy the car.", "Did Tom buy the car?", "no"),
        # what was, told later, and what will be
        ("I work at Siemens.", "Before that I worked at Bosch.", "Where do I work?", "Siemens"),
        ("I work at Siemens.", "Before that I worked at Bosch.", "Where did I work before?", "Bosch"),
        ("Tom lived in Rome.", "Tom lived in Milan.", "Where did Tom live?", "Milan"),
        ("My office is in Bonn.", "My office will be in Mainz next year.", "Where is my office?", "Bonn"),
        ("Tom lives in Rome.", "Tom is going to live in Milan.", "Where does Tom live?", "Rome"),
        ("Ann is my boss.", "Next month Tom will be my boss.", "Who is my boss?", "Ann"),
        ("I like tea.", "Last summer we went to Spain.", "Where are we?", None),
        ("I like tea.", "The party will be on Friday.", "When is the party?", "Friday"),
        # what is not where it was
        ("The milk is in the fridge.", "I took the milk out of the fridge.", "Where is the milk?", None),
        ("The milk is in the fridge.", "I took the milk out of the fridge.", "What is in the fridge?", None),
        ("The vase is on the shelf.", "The vase fell off the shelf.", "Where is the vase?", None),
        ("The vase is on the shelf.", "I threw the vase away.", "Where is the vase?", None),
        ("The cake is on the table.", "We ate the cake.", "Is the cake on the table?", "no"),
        ("The bike is in the cellar.", "I sold the bike.", "Where is the bike?", None),
        ("My wallet is in my jacket.", "My wallet was stolen.", "Where is my wallet?", None),
        ("My keys are on the table.", "I lost my keys.", "Where are my keys?", None),
        ("Tom is in Paris.", "Tom is back from Paris.", "Where is Tom?", None),
        ("The meeting is in room 204.", "The meeting was moved to room 310.", "Where is the meeting?", "room 310"),
        ("I lent my ladder to Bob.", "Bob gave the ladder back.", "Who has my ladder?", "you"),
        ("I lent my ladder to Bob.", "I got the ladder back.", "Who has my ladder?", "you"),
        # states with an opposite
        ("The bank is east of the shop.", "The bank is west of the shop.", "What is east of the shop?", None),
        ("The bank is east of the shop.", "The bank is west of the shop.", "What is west of the shop?", "bank"),
        ("The fridge is broken.", "The repair man fixed the fridge.", "Is the fridge broken?", None),
        ("Tom is ill.", "Tom is healthy again.", "Is Tom ill?", None),
        ("The window is open.", "I closed the window.", "Is the window open?", None),
        # what is done at a time
        ("I play tennis on Mondays.", "I play tennis on Wednesdays these days.", "When do I play tennis?",
         "Wednesdays"),
        ("I play tennis on Mondays.", "I also play tennis on Fridays.", "When do I play tennis?", None),  # on both
        ("I play tennis on Mondays.", "I play tennis at noon now.", "Which day do I play tennis?", "Mondays"),
        ("I take my pills at 8.", "I now take my pills at 9 in the evening.", "When do I take my pills?",
         "9 in the evening"),
        # values
        ("My favorite band is Blur.", "My new favorite band is Pulp.", "What is my favorite band?", "Pulp"),
        ("Our rent is 900 euros.", "Our rent went up to 950 euros.", "What is our rent?", "950 euros"),
        ("My son is 7 years old.", "My son just turned 8.", "How old is my son?", "8 years old"),
        ("I live in Lyon.", "I no longer live in Lyon, I moved to Nantes.", "Where do I live?", "Nantes"),
    ],
)  # fmt: skip
def test_the_newer_holds(awake: Awake, first: str, then: str, asked: str, told: str | None) -> None:
    awake.observe(first)
    awake.observe(then)
    decision = awake.decide(asked)
    assert (decision.text if decision is not None else None) == told


def test_where_a_room_is_stays_with_the_map(awake: Awake) -> None:
    awake.observe("The kitchen is north of the hallway.")
    awake.observe("I like tea.")
    decision = awake.decide("Where is the kitchen?")
    assert decision is not None
    assert (decision.memory, decision.text) == ("spatial", "north of the hallway")


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ("The concert has been postponed until May 11.", "The concert is on May 11."),
        ("Dad's surgery was brought forward to half past ten.", "Dad's surgery is at half past ten."),
        ("We moved our wedding from June to September.", "our wedding is in September."),
        ("The exam has been moved to next week because of the storm.", "The exam is next week because of the storm."),
        ("The wifi password was changed to pear34.", "The wifi password is pear34."),
        ("I have changed my last name to Novak", "my last name is Novak"),
        ("The toll has risen from 2 to 3 euros.", "The toll is 3 euros."),
        ("Ana and Bo Lind split up.", "Ana broke up with Bo Lind."),
    ],
)
def test_a_change_is_put_as_what_holds(said: str, held: str) -> None:
    assert now_holds(said) == held


@pytest.mark.parametrize(
    "said",
    [
        "I moved the lamp to the attic.", "The library moved to Elm Street.", "I switched to noon shifts.",
        "Bo switched from tea to coffee.", "They moved to Porto in May.", "I turned the lamp on.", "She rose to speak.",
        "Ana and Bo separated the eggs", "The crowd was moved to tears.", "", "I changed trains in May.",
    ],
)  # fmt: skip
def test_what_tells_no_such_change_stays(said: str) -> None:
    assert now_holds(said) == said


def test_a_day_and_an_hour_are_told_apart() -> None:
    assert parts("Friday at 3 pm") == ("Friday", "3 pm")
    assert parts("10 o'clock on Thursday") == ("Thursday", "10 o'clock")
    assert parts("every Tuesday") == ("every Tuesday", "")
    assert only_hour("7:40")
    assert not only_hour("Sunday at noon")
    assert asked_for("", "Friday at 3 pm", "5 pm", hour_is_newer=True) == "Friday at 5 pm"
    assert asked_for("time", "Friday at 3 pm", "5 pm", hour_is_newer=False) == "3 pm"
    assert asked_for("day", "", "5 pm", hour_is_newer=True) == ""

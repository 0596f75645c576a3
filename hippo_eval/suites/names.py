"""The people, things, places and times that the generated suites speak of. Lists of words; knows nothing of sentences.

`distinct` draws from them without repetition. The episodic suite keeps lists of its own: its items are pinned.
"""

from __future__ import annotations

import random

FIRST = (
    "Adele Anselm Aurelio Bettina Blanche Caspar Celia Clemens Corinne Dagmar Dorian Edda Eleni Emeric Enzo Fadila "
    "Florian Frieda Gaspard Gilda Gunnar Hakim Hedda Henrik Imogen Ismael Ilse Jadwiga Joachim Josefa Kamil Kirsten "
    "Konrad Lavinia Leander Linnea Ludovic Luisa Maeve Marius Mathilde Mirko Nadine Nevena Nicanor Odile Oleg Ottilie "
    "Paloma Pascal Perpetua Philippa Quirin Ragnar Ramona Raoul Renske Roderick Romy Sabine Salim Severin Sidonie "
    "Solveig Sophus Talia Tancred Theodora Tiago Torsten Undine Urban Valentin Vesna Viggo Wilhelmina Wendel Xaver "
    "Ximena Yann Ysolde Zenobia Zoltan Amadou Baptiste Chidera Dimitra Eskil Farida Goran Hanneke Ibrahim Jolanda "
    "Keziah Laszlo Mbali Nkechi Oyvind Piroska Rosamund Stellan Tadeusz Uli Veronika Wojtek Yara Zainab Alaric Brynn "
    "Cosima Evander Giselle Hester Isolde Lucan Marek Orla"
).split()
LAST = (
    "Aldous Barrow Cranleigh Dufour Elphick Fennimore Grady Haldane Islip Jarrett Kettering Lomax Mostyn Nairn Oakes "
    "Pemberton Quayle Rourke Sebold Tremaine Ulverston Venn Wexford Yorke Zeller Ashdown Bonnard Castell Drummond "
    "Easton Falk Gorski Holm Iversen Jurado Kalman Lindqvist Marchetti Novak Olander Petrescu Rasmus Szabo Tanaka "
    "Ubeda Valdez Wieck Yilmaz Zamora Bright Crane Doyle Finch Hale Lark Moss Pike Rook Swan Thorne"
).split()
ADJECTIVES = (
    "black blue green pewter porcelain plaid enamel walnut linen embroidered carved folding painted speckled dented "
    "gilded woven lacquered checkered faded foreign square narrow heavy"
).split()
NOUNS = (
    "accordion almanac apron atlas barometer blanket bookend bowl briefcase brooch chessboard cushion decanter drawing "
    "envelope fiddle flask footstool glove hairbrush hourglass inkwell jacket keyring lampshade magnet map mask "
    "microscope mug napkin nutcracker oboe paddle parasol pepper-mill pillow pitcher poster prism pulley purse radio "
    "rake ribbon rug sandal scale sextant shovel sketchbook spindle stamp stool tablecloth tambour thermos top tray "
    "tripod unicycle vest violet-box wallet weather-vane wheelbarrow whisk xylophone"
).split()
SPOTS = (
    "in the bell tower", "at the ferry dock", "in the reading room", "behind the dairy", "in the herb garden",
    "at the tram depot", "near the duck pond", "in the wine cellar", "under the railway arch", "in the music room",
    "at the town hall", "in the apple loft", "beside the weir", "in the boiler room", "at the fish market",
    "on the balcony", "in the cloister", "at the swimming pool", "behind the cinema", "in the sewing room",
    "at the bus station", "in the stable", "near the sundial", "in the gymnasium", "on the houseboat",
    "in the print shop", "at the observatory", "under the chestnut tree", "in the waiting room", "at the quarry",
)  # fmt: skip
HIDEOUTS = (
    "in the top drawer", "under the stairs", "on the window sill", "behind the piano", "in the glass cabinet",
    "in the laundry basket", "on the mantelpiece", "under the bed", "in the tool shed", "in the blue suitcase",
    "on the kitchen shelf", "behind the mirror", "in the hat box", "in the linen closet", "under the workbench",
    "in the garage", "on the bookcase", "in the sea chest", "beside the stove", "in the pantry",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
TIMES = (
    *(f"on {day} {part}" for day in DAYS for part in ("morning", "afternoon", "evening")),
    *(f"in {month}" for month in MONTHS),
    *(f"on {month} {day}" for month in MONTHS for day in (3, 11, 24)),
)
FIRMS = (
    "Abernathy Bellweather Carrick Dovecote Elderslie Fairhaven Gristwood Harrowgate Inkerman Jolliffe Kilbride "
    "Langstaff Marlowe Netherby Orchard Pendle Quarrington Rosslyn Stanhope Tidewater Umber Valery Winterbourne "
    "Yellowleaf Zennor Arrowsmith Bluebell Copperfield Deepdale Emberton Fallowfield Greystone Highmoor Ironbridge "
    "Jasper Kingfisher Lanthorn Millrace Nightingale Otterburn Peregrine Quicksilver Redwing Silverdale Thistledown "
    "Undercliff Vesper Whitethorn Yewdale Applegarth Barleycorn Cloverhill Dunlin Easterly Foxhall Goldfinch "
    "Hollyhock Ironwood Juniper Larkspur"
).split()
KINDS = (
    "clinic bakery brewery shipyard museum library hotel school theater mill quarry vineyard laboratory foundry "
    "pharmacy nursery garage dairy bank studio tannery cannery sawmill printworks bookshop restaurant hospital "
    "factory kennels orchestra"
).split()
KINDS += ["law firm", "travel agency", "radio station", "insurance company", "art gallery"]
TOWNS = (
    "Tarn Lorne Malmo Porto Ghent Lucca Bergen Delft Bath Cork Turku Lund Graz Basel Nantes Split Varna Tartu Evora "
    "Parma Lugo Siena Bruges Trier Aarhus Vigo Galway Perth Salem Trondheim Bremen Coimbra Dijon Exeter Ferrara Gdansk "
    "Haarlem Innsbruck Jena Krakow Leeds Mainz Narva Odense Pisa Quimper Riga Sintra Toledo Umea"
).split()


def distinct(rng: random.Random, n: int, *parts: tuple[str, ...] | list[str], what: str) -> list[str]:
    """`n` different combinations "first second" of the parts, in an order that the generator decides.

    A shorter draw of the same generator state begins a longer one.
    Raises: ValueError when there are fewer than `n`, saying of what.
    """
    found = [""]
    for part in parts:
        found = [f"{a} {b}".strip() for a in found for b in part]
    if n > len(found):
        raise ValueError(f"n needs {n} different {what}, there are {len(found)}")
    rng.shuffle(found)
    return found[:n]


def people(rng: random.Random, n: int) -> list[str]:
    """`n` different full names."""
    return distinct(rng, n, FIRST, LAST, what="people")


def things(rng: random.Random, n: int) -> list[str]:
    """`n` different things, with their article."""
    return [f"the {name}" for name in distinct(rng, n, ADJECTIVES, NOUNS, what="things")]


def bare(phrase: str) -> str:
    """`in the attic` -> `the attic`: the answer to where or when, without its preposition."""
    return phrase.split(" ", 1)[1]

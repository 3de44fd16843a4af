"""Names that can stand for one another: common drugs, diseases and genes, and the groups of people and animals."""

from __future__ import annotations

# Types are named as the vocabulary names them (kg.vocabulary).
ENTITIES: dict[str, tuple[str, ...]] = {
    "Chemical": (
        "aspirin", "ibuprofen", "paracetamol", "acetaminophen", "morphine", "ketamine", "metformin", "insulin",
        "simvastatin", "atorvastatin", "warfarin", "heparin", "clopidogrel", "propranolol", "metoprolol", "atenolol",
        "amlodipine", "nifedipine", "lisinopril", "enalapril", "losartan", "furosemide", "spironolactone", "digoxin",
        "amiodarone", "prednisone", "prednisolone", "dexamethasone", "hydrocortisone", "methotrexate", "cisplatin",
        "doxorubicin", "cyclophosphamide", "tamoxifen", "paclitaxel", "rituximab", "infliximab", "omeprazole",
        "amoxicillin", "vancomycin", "azithromycin", "ciprofloxacin", "fluconazole", "acyclovir", "zidovudine",
        "lithium", "haloperidol", "clozapine", "olanzapine", "fluoxetine", "sertraline", "diazepam", "phenytoin",
        "carbamazepine", "valproate", "levodopa", "donepezil", "caffeine", "nicotine", "cocaine", "estradiol",
        "testosterone", "progesterone", "levothyroxine", "vitamin D", "vitamin C", "vitamin E", "folic acid",
        "magnesium", "calcium", "zinc", "iron", "dopamine", "epinephrine", "lidocaine", "propofol",
    ),
    "Disease": (
        "asthma", "diabetes", "hypertension", "heart failure", "stroke", "myocardial infarction", "atrial fibrillation",
        "pneumonia", "tuberculosis", "malaria", "sepsis", "influenza", "hepatitis", "cirrhosis", "pancreatitis",
        "appendicitis", "colorectal cancer", "breast cancer", "lung cancer", "prostate cancer", "ovarian cancer",
        "gastric cancer", "melanoma", "leukemia", "lymphoma", "multiple myeloma", "glioblastoma", "osteoarthritis",
        "rheumatoid arthritis", "osteoporosis", "gout", "psoriasis", "lupus", "multiple sclerosis", "epilepsy",
        "migraine", "dementia", "Alzheimer's disease", "Parkinson's disease", "schizophrenia", "depression", "anxiety",
        "obesity", "anemia", "preeclampsia", "endometriosis", "glaucoma", "cataract", "Crohn's disease",
        "ulcerative colitis", "cystic fibrosis", "COPD", "chronic kidney disease", "HIV infection",
    ),
    "Gene": (
        "TP53", "p53", "BRCA1", "BRCA2", "EGFR", "HER2", "KRAS", "BRAF", "PTEN", "MYC", "VEGF", "TNF", "IL6", "IL-6",
        "IL-10", "CRP", "APOE", "CFTR", "ACE2", "PCSK9", "JAK2", "NOTCH1", "STAT3", "AKT", "mTOR", "BDNF", "FOXP3",
        "CXCR4", "CDKN2A", "MTHFR",
    ),
}  # fmt: skip
# group -> the groups that may stand in its place and are another
POPULATIONS: dict[str, tuple[str, ...]] = {
    "children": ("adults",), "child": ("adult",), "adults": ("children",), "adult": ("paediatric",),
    "pediatric": ("adult",), "paediatric": ("adult",), "geriatric": ("paediatric",), "men": ("women",),
    "women": ("men",), "man": ("woman",), "woman": ("man",), "male": ("female",), "female": ("male",),
    "males": ("females",), "females": ("males",), "boys": ("girls",), "girls": ("boys",), "mothers": ("fathers",),
    "fathers": ("mothers",), "maternal": ("paternal",), "paternal": ("maternal",), "infants": ("adults",),
    "neonates": ("adults",), "newborns": ("adults",), "toddlers": ("adults",), "adolescents": ("older adults",),
    "older adults": ("adolescents",), "elderly": ("young",), "older": ("younger",), "younger": ("older",),
    "patients": ("mice", "rats"), "volunteers": ("mice",), "rats": ("patients",), "mice": ("patients",),
    "mouse": ("human",), "rat": ("human",), "murine": ("human",), "human": ("mouse",), "humans": ("mice",),
    "premenopausal": ("postmenopausal",), "postmenopausal": ("premenopausal",), "smokers": ("non-smokers",),
    "non-smokers": ("smokers",), "nonsmokers": ("smokers",), "inpatients": ("outpatients",),
    "outpatients": ("inpatients",), "healthy": ("ill",), "students": ("retirees",), "diabetics": ("non-diabetics",),
    "preterm": ("term",), "nulliparous": ("multiparous",), "multiparous": ("nulliparous",),
}  # fmt: skip


def _grouped(listed: str) -> dict[str, tuple[tuple[str, str], ...]]:
    table: dict[str, list[tuple[str, str]]] = {}
    for line in listed.strip().splitlines():
        name, _, members = line.partition(":")
        axis, group = name.split()
        for word in members.split():
            table.setdefault(word, []).append((axis, group))
    return {word: tuple(places) for word, places in table.items()}


# word -> the (axis, group) it puts a text's people in; two groups of one axis exclude each other.
GROUPS = _grouped("""
age child: child children childhood pediatric paediatric infant infants infancy neonate neonates neonatal newborn
age child: newborns toddler toddlers boy boys girl girls adolescent adolescents teenagers teens preterm kindergarten
age adult: adult adults adulthood
age old: elderly older geriatric octogenarians retirees
age young: young younger
sex male: men man male males boys boy fathers father paternal
sex female: women woman female females girls girl mothers mother maternal pregnant pregnancy postmenopausal
sex female: premenopausal nulliparous multiparous lactating menopausal
species human: patient patients human humans people persons person volunteers participants men women adults children
species human: infants subjects students adolescents individuals inpatients outpatients mothers girls boys
species animal: rat rats mouse mice murine rodent rodents rabbit rabbits dog dogs canine pig pigs porcine monkey
species animal: monkeys macaques sheep hamsters zebrafish animal animals
menopause before: premenopausal
menopause after: postmenopausal
tobacco smoker: smokers smoker
tobacco none: nonsmokers nonsmoker non-smokers non-smoker
setting in: inpatients inpatient hospitalized hospitalised
setting out: outpatients outpatient
births none: nulliparous
births many: multiparous
health healthy: healthy
health ill: ill
diabetes with: diabetics diabetic
diabetes without: non-diabetics nondiabetic nondiabetics non-diabetic
""")
